"""`--responder`: a function of somebody's, or `chat`, a model behind a chat completions server."""

from __future__ import annotations

import importlib
import os
import sys
from collections.abc import Callable
from typing import Any

import click

from emulator.errors import EmulatorError

CHAT = "chat"
CHAT_OPTIONS = (
    click.option("--chat-base-url", metavar="URL", help="For --responder chat: http://127.0.0.1:11434/v1 or so."),
    click.option("--chat-model", metavar="NAME", help="For --responder chat: what that server calls its model."),
    click.option("--chat-api-key", metavar="KEY", help="For --responder chat, where that server wants one."),
)


def responder_of(options: dict[str, Any]) -> Callable[..., Any] | None:
    """Takes its own options out of `options`; EmulatorError for those that do not go together."""
    name: str | None = options.pop("responder")
    base_url, model, api_key = (options.pop(f"chat_{key}") for key in ("base_url", "model", "api_key"))
    if name == CHAT:
        if base_url is None or model is None:
            raise EmulatorError("--responder chat needs --chat-base-url URL and --chat-model NAME")
        from emulator.responders.chat import ChatModel

        return ChatModel(base_url, model, api_key)
    if base_url or model or api_key:
        raise EmulatorError("--chat-base-url, --chat-model and --chat-api-key go with --responder chat")
    return None if name is None else load_function(name)


def load_function(name: str) -> Callable[..., Any]:
    """`module:function`, imported with the current directory on the path."""
    module_name, _, function_name = name.partition(":")
    sys.path.insert(0, os.getcwd())
    try:
        function = getattr(importlib.import_module(module_name), function_name)
    except (ImportError, AttributeError, ValueError) as error:
        raise EmulatorError(f"--responder {name}: {error}; it is MODULE:FUNCTION") from error
    if not callable(function):
        raise EmulatorError(f"--responder {name}: {function_name} is not a function")
    result: Callable[..., Any] = function
    return result
