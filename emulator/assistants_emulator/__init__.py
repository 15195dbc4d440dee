"""A local, offline, deterministic emulator of the OpenAI Assistants API."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

__version__ = "0.1.0"
__all__ = [
    "Cancel",
    "CodeInterpreter",
    "Emulator",
    "Expire",
    "Fail",
    "FileSearch",
    "FunctionCall",
    "Image",
    "Incomplete",
    "Json",
    "Pause",
    "ProjectHandle",
    "Refusal",
    "Replies",
    "Reply",
    "Responder",
    "Text",
    "Turn",
    "Usage",
    "Wait",
]

if TYPE_CHECKING:
    from assistants_emulator.emulator import Emulator
    from assistants_emulator.handle import ProjectHandle
    from assistants_emulator.responders.replies import (
        Cancel,
        CodeInterpreter,
        Expire,
        Fail,
        FileSearch,
        FunctionCall,
        Image,
        Incomplete,
        Json,
        Pause,
        Refusal,
        Replies,
        Reply,
        Text,
        Usage,
        Wait,
    )
    from assistants_emulator.responders.sources import Responder
    from assistants_emulator.responders.turn import Turn

_HOMES = {
    "Emulator": "assistants_emulator.emulator",
    "ProjectHandle": "assistants_emulator.handle",
    "Responder": "assistants_emulator.responders.sources",
    "Turn": "assistants_emulator.responders.turn",
}


def __dir__() -> list[str]:
    return [*__all__, "__version__"]


def __getattr__(name: str) -> Any:
    """Import a public name at its first use: the server's libraries take a quarter of a second."""
    if name not in __all__:
        raise AttributeError(f"module 'assistants_emulator' has no attribute {name!r}")
    from importlib import import_module

    try:
        return getattr(import_module(_HOMES.get(name, "assistants_emulator.responders.replies")), name)
    except ModuleNotFoundError as error:
        raise ImportError(
            f"{name} needs the dependencies of this package, and there is no {error.name} here"
        ) from error
