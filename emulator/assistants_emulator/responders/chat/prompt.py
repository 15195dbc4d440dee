"""A run as a chat completions request: its instructions, messages, tools and options."""

from __future__ import annotations

import mimetypes
from collections.abc import Iterable, Mapping
from typing import Any

from assistants_emulator.errors import ApiError
from assistants_emulator.responders.turn import ApiObject, Turn
from assistants_emulator.store.blobs import encode_base64

Object = dict[str, Any]

FILE_SEARCH: Object = {
    "name": "file_search",
    "description": "Searches the files that belong to this conversation and gives their passages that fit best.",
    "parameters": {
        "type": "object",
        "properties": {"query": {"type": "string", "description": "What to look for, in a few words."}},
        "required": ["query"],
    },
}
CODE_INTERPRETER: Object = {
    "name": "code_interpreter",
    "description": "Runs Python code and gives what it printed. Files are in the current directory; what the code "
    "writes there is shown to the user.",
    "parameters": {
        "type": "object",
        "properties": {"code": {"type": "string", "description": "Python; print what you want to see."}},
        "required": ["code"],
    },
}


def messages(turn: Turn) -> list[Object]:
    """The instructions and the thread under the run's truncation. Looks things up, so not on an event loop."""
    system = [{"role": "system", "content": turn.instructions}] if turn.instructions else []
    contents = ((message["role"], _content(turn, message)) for message in turn.messages)
    return [*system, *({"role": role, "content": content} for role, content in contents if content)]


def tools(turn: Turn) -> list[Object]:
    """The run's functions, and its other tools as functions; code only if it may run."""
    kinds = {tool["type"] for tool in turn.tools}
    offered = functions(turn)
    offered += [FILE_SEARCH] if "file_search" in kinds else []
    offered += [CODE_INTERPRETER] if "code_interpreter" in kinds and turn.may_run_code else []
    return [{"type": "function", "function": function} for function in offered]


def functions(turn: Turn) -> list[Object]:
    """The functions that the run declares."""
    declared = [tool["function"] for tool in turn.tools if tool["type"] == "function"]
    return [{key: value for key, value in function.items() if value not in (None, False)} for function in declared]


def options(turn: Turn, tools: Iterable[Object], is_first: bool) -> Object:
    """The run's options; a tool is forced in the first request only, or the model would call it for ever."""
    run, body = turn.run, {}
    for name in ("temperature", "top_p"):
        if run.get(name) is not None:
            body[name] = run[name]
    if isinstance(run["response_format"], dict) and run["response_format"]["type"] != "text":
        body["response_format"] = run["response_format"]
    if offered := list(tools):
        body["tools"] = offered
        body |= {} if run["parallel_tool_calls"] else {"parallel_tool_calls": False}
        body |= _tool_choice(run["tool_choice"], is_first)
    return body


def _tool_choice(choice: Any, is_first: bool) -> Object:
    if isinstance(choice, dict):
        name = choice["function"]["name"] if choice["type"] == "function" else choice["type"]
        return {"tool_choice": {"type": "function", "function": {"name": name}}} if is_first else {}
    return {"tool_choice": choice} if choice == "none" or (choice == "required" and is_first) else {}


def _content(turn: Turn, message: ApiObject) -> Any:
    """A text if there is nothing else; images of the user only, since models accept no others."""
    parts = [part for part in (_part(turn, part) for part in message["content"]) if part is not None]
    attachments = [item["file_id"] for item in message.get("attachments") or () if item.get("file_id")]
    if names := [_name(turn, file_id) for file_id in attachments]:
        parts.append({"type": "text", "text": f"[attached: {', '.join(names)}]"})
    if message["role"] == "assistant" or all(part["type"] == "text" for part in parts):
        return "\n".join(part["text"] for part in parts if part["type"] == "text")
    return parts


def _part(turn: Turn, part: Mapping[str, Any]) -> Object | None:
    match part["type"]:
        case "text":
            return {"type": "text", "text": part["text"]["value"]}
        case "refusal":
            return {"type": "text", "text": part["refusal"]}
        case "image_url":
            return {"type": "image_url", "image_url": dict(part["image_url"])}
        case "image_file":
            return _image(turn, part["image_file"]["file_id"])
    return None


def _image(turn: Turn, file_id: str) -> Object | None:
    try:
        file = turn.file(file_id)
    except ApiError:  # deleted since
        return None
    kind = mimetypes.guess_type(file.filename)[0] or "image/png"
    content = encode_base64(file.__dict__["content"])
    return {"type": "image_url", "image_url": {"url": f"data:{kind};base64,{content}"}}


def _name(turn: Turn, file_id: str) -> str:
    try:
        return str(turn.file(file_id).filename)
    except ApiError:
        return file_id
