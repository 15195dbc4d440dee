"""Bodies of POST /responses and /responses/input_tokens. See docs/reference/behaviour.md#responses-order-of-checks."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any, ClassVar

from assistants_emulator.contract import items
from assistants_emulator.contract.base import MAX_TOOLS
from assistants_emulator.contract.error_texts import choice_of, function_schema, kind
from assistants_emulator.contract.ordered import (
    Check,
    OrderedBody,
    any_object,
    anything,
    array,
    boolean,
    by_type,
    check_fields,
    choice,
    decimal,
    fields,
    integer,
    metadata,
    name_like,
    near,
    short_text,
    text,
    unknown_field,
)
from assistants_emulator.errors import InvalidParameter, missing_parameter, unsupported_value, wrong_type

INCLUDABLE = (
    *("file_search_call.results", "web_search_call.results", "web_search_call.action.sources"),
    *("message.input_image.image_url", "computer_call_output.output.image_url", "code_interpreter_call.outputs"),
    *("reasoning.encrypted_content", "message.output_text.logprobs"),
)
EFFORTS = ("none", "minimal", "low", "medium", "high", "xhigh", "max")
OLD_EFFORTS = ("minimal", "low", "medium", "high")  # what the text for a number still lists
MIN_OUTPUT_TOKENS = 16
MOVED = {
    "messages": "input",
    "response_format": "text.format",
    "max_completion_tokens": "max_output_tokens",
    "reasoning_effort": "reasoning.effort",
}
"""Parameters of chat completions, and where the Responses API has them."""
CREATE_URL = "https://platform.openai.com/docs/api-reference/responses/create"
TOOL_TYPES = ("function", "file_search", "code_interpreter")
HOSTED_TOOLS = (
    *("web_search", "web_search_preview", "mcp", "image_generation", "computer", "computer_use_preview", "shell"),
    *("local_shell", "apply_patch", "custom", "tool_search", "namespace", "programmatic_tool_calling"),
)
"""Tools of the service that are not emulated."""
_ID = re.compile(r"[A-Za-z0-9_-]*")


def moved(name: str) -> InvalidParameter:
    message = (
        f"Unsupported parameter: '{name}'. In the Responses API, this parameter has moved to '{MOVED[name]}'. "
        f"Try again with the new parameter. See the API documentation for more information: {CREATE_URL}."
    )
    return InvalidParameter(message, param=None if name == "messages" else name, code="unsupported_parameter")


def no_input() -> InvalidParameter:
    """Neither an item nor anything that has some."""
    message = "One of \"input\" or \"previous_response_id\" or 'prompt' or 'conversation' must be provided."
    return InvalidParameter(message, code="missing_required_parameter")


def _model(path: str, value: Any) -> None:
    if not isinstance(value, str):
        expected = "an object" if value is None else kind(value)
        raise wrong_type(path, "a string", expected)


def _input(path: str, value: Any) -> None:
    if isinstance(value, str):
        items.long_text(path, value)
        return
    if not isinstance(value, list):
        raise wrong_type(path, "one of a string or array of input items", kind(value))
    items.items(path, value)


def _previous_response_id(path: str, value: Any) -> None:
    text(path, value)
    if not _ID.fullmatch(value):
        message = (
            f"Invalid '{path}': '{value}'. Expected an ID that contains letters, numbers, underscores, or dashes, but "
            "this value contained additional characters."
        )
        raise InvalidParameter(message, param=path, code="invalid_value")


def _conversation(path: str, value: Any) -> None:
    if isinstance(value, str):
        return
    if not isinstance(value, dict):
        raise wrong_type(path, "one of a string or object", kind(value))
    check_fields(path, value, {"id": text}, ("id",))


def _include(path: str, value: Any) -> None:
    if not isinstance(value, list):
        names = [f"{name[:3]}...{name[-3:]}" for name in INCLUDABLE]
        raise wrong_type(path, f"an array of {choice_of(names)}", kind(value))
    for index, each in enumerate(value):
        choice(*INCLUDABLE)(f"{path}[{index}]", each)


# Tools


def _function(path: str, value: Mapping[str, Any]) -> None:
    if "name" not in value:
        raise missing_parameter(f"{path}.name")
    check_fields(path, value, _FUNCTION, ("name",))
    parameters = value.get("parameters")
    if parameters and parameters.get("type") != "object":
        raise function_schema(path, value["name"], parameters)


_FUNCTION: dict[str, Check | None] = {
    "type": None,
    "name": name_like(128),
    "description": text,
    "parameters": any_object,
    "strict": boolean,
    **dict.fromkeys(("output_schema", "defer_loading", "allowed_callers"), anything),
}
_RANKING: dict[str, Check | None] = {
    "ranker": choice("auto", "default-2024-11-15"),
    "score_threshold": decimal(0.0, 1.0),
    "hybrid_search": any_object,
}
_FILE_SEARCH: dict[str, Check | None] = {
    "type": None,
    "vector_store_ids": array("an array of strings", text),
    "filters": any_object,
    "max_num_results": integer(1, 50),
    "ranking_options": fields(_RANKING),
}
_AUTO_CONTAINER: dict[str, Check | None] = {
    "type": choice("auto"),
    "file_ids": array("an array of strings", text, 50),
    "memory_limit": choice("1g", "4g", "16g", "64g"),
    "network_policy": any_object,
}


def _container(path: str, value: Any) -> None:
    if isinstance(value, str):
        return
    if not isinstance(value, dict):
        raise wrong_type(path, "one of a string or object", kind(value))
    check_fields(path, value, _AUTO_CONTAINER, ("type",))


def _tool(path: str, value: Any) -> None:
    any_object(path, value)
    if value.get("type") is None:
        raise missing_parameter(f"{path}.type")
    name = value["type"]
    if isinstance(name, str) and name.partition("_20")[0] in HOSTED_TOOLS:
        message = f"Tools of the type '{name}' are not emulated. This server emulates {', '.join(TOOL_TYPES)}."
        raise InvalidParameter(message, param=f"{path}.type", code="unsupported_value")
    choice(*TOOL_TYPES, *HOSTED_TOOLS)(f"{path}.type", name)
    if name == "function":
        _function(path, value)
    elif name == "file_search":
        check_fields(path, value, _FILE_SEARCH, ("vector_store_ids",))
    else:
        check_fields(path, value, {"type": None, "container": _container}, ("container",))


_CHOICES = ("none", "auto", "required")


def _tool_choice(path: str, value: Any) -> None:
    if isinstance(value, str):
        choice(*_CHOICES)(path, value)
        return
    if not isinstance(value, dict):
        raise wrong_type(path, "one of an object or 'none', 'auto', or 'required'", kind(value))
    by_type(
        {
            "function": fields({"type": None, "name": text}, ("name",)),
            "file_search": fields({"type": None}),
            "code_interpreter": fields({"type": None}),
            "allowed_tools": fields(
                {"type": None, "mode": choice("auto", "required"), "tools": array("an array of objects", any_object)},
                ("mode", "tools"),
            ),
            **dict.fromkeys(HOSTED_TOOLS, _hosted_choice),
        }
    )(path, value)


def _hosted_choice(path: str, value: Mapping[str, Any]) -> None:
    raise unsupported_value(f"{path}.type", value["type"], (*TOOL_TYPES, "allowed_tools"))


def choice_not_found(name: str) -> InvalidParameter:
    """A `tool_choice` that names none of the tools."""
    return InvalidParameter(f"Tool choice '{name}' not found in 'tools' parameter.", param="tool_choice")


# Texts and reasoning

_FORMAT = by_type(
    {
        "json_object": fields({"type": None}),
        "json_schema": fields(
            {"type": None, "name": name_like(64), "schema": any_object, "description": text, "strict": boolean},
            ("name", "schema"),
        ),
        "text": fields({"type": None}),
    }
)
_TEXT = fields({"format": _FORMAT, "verbosity": choice("low", "medium", "high")})


def _effort(path: str, value: Any) -> None:
    if isinstance(value, str):
        choice(*EFFORTS)(path, value)
    elif type(value) is int:
        raise wrong_type(path, choice_of(OLD_EFFORTS), kind(value))
    else:
        raise wrong_type(path, f"one of {choice_of(EFFORTS)} or integer", kind(value))


_SUMMARY = choice("concise", "detailed", "auto")
_REASONING = fields(
    {
        "effort": _effort,
        "summary": _SUMMARY,
        "generate_summary": _SUMMARY,
        "context": choice("auto", "current_turn", "all_turns"),
        "mode": text,
    }
)


class CreateResponse(OrderedBody):
    """`fields` are in the measured order; what the state of objects forbids comes after them."""

    required: ClassVar[tuple[str, ...]] = ("model", "input")
    fields: ClassVar[Mapping[str, Check | None]] = {
        "model": None,
        "input": _input,
        "previous_response_id": _previous_response_id,
        "conversation": _conversation,
        "prompt": any_object,
        "moderation": any_object,
        "include": _include,
        "tools": array("an array of tools", _tool, MAX_TOOLS),
        "tool_choice": _tool_choice,
        "metadata": metadata,
        "text": _TEXT,
        "temperature": decimal(0.0, 2.0),
        "top_p": decimal(0.0, 1.0),
        "presence_penalty": decimal(-2.0, 2.0),
        "frequency_penalty": decimal(-2.0, 2.0),
        "parallel_tool_calls": boolean,
        "stream": boolean,
        "stream_options": fields({"include_obfuscation": boolean}),
        "background": boolean,
        "background_options": any_object,
        "max_output_tokens": integer(MIN_OUTPUT_TOKENS),
        "max_tool_calls": integer(1),
        "reasoning": _REASONING,
        "user": text,
        "safety_identifier": text,
        "prompt_cache_options": fields(dict.fromkeys(("mode", "ttl", "comparison_response_id"))),
        "prompt_cache_key": short_text(1024),
        "prompt_cache_retention": choice("in_memory", "24h"),
        "truncation": choice("auto", "disabled"),
        "instructions": text,
        "store": boolean,
        "service_tier": choice("auto", "default", "fast", "flex", "priority"),
        "top_logprobs": integer(0, 20),
        "context_management": array("an array of objects", any_object),
        "access_programs": None,
        "image": None,
        "client_metadata": None,
    }

    @classmethod
    def check_presence(cls, name: str, value: Any) -> None:
        if name == "model":
            _model(name, value)
            if not value:
                message = f"The requested model '{value}' does not exist."
                raise InvalidParameter(message, param="model", code="model_not_found")
        elif value is None:
            raise wrong_type(name, "a string", "an object")

    @classmethod
    def unknown(cls, name: str, body: Mapping[str, Any]) -> InvalidParameter:
        if name in MOVED:
            return moved(name)
        return unknown_field(name, near(name, [field for field in cls.fields if field not in body]))


class CountInputTokens(OrderedBody):
    fields: ClassVar[Mapping[str, Check | None]] = {
        "model": text,
        "personality": text,
        **{
            name: CreateResponse.fields[name]
            for name in (
                *("input", "previous_response_id", "conversation", "tools", "tool_choice", "text"),
                *("parallel_tool_calls", "reasoning", "truncation", "instructions"),
            )
        },
    }
