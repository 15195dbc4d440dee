"""The shapes of nested values in a state file: what views and pages take for granted of tools, steps, counts and so on.

Values are checked as they stand. Keys that no shape names are allowed: they are stored and shown as they are.
"""

from __future__ import annotations

from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError, create_model

from assistants_emulator.errors import EmulatorError


class _Shape(BaseModel):
    model_config = ConfigDict(strict=True, extra="allow")


class _Ranking(_Shape):
    ranker: str | None = None
    score_threshold: float | None = None


class _Search(_Shape):
    max_num_results: int | None = None
    ranking_options: _Ranking | None = None
    results: list[_Result] | None = None


class _Result(_Shape):
    file_id: str = ""
    file_name: str | None = None
    score: float | None = None
    content: list[_Text] | None = None


class _Text(_Shape):
    type: str = ""
    text: str = ""


class _Function(_Shape):
    name: str = ""
    description: str | None = None
    parameters: dict[str, Any] | None = None
    arguments: str = ""
    output: str | None = None


class _Tool(_Shape):
    type: Literal["code_interpreter", "file_search", "retrieval", "function"]
    function: _Function | None = None
    file_search: _Search | None = None


class _Image(_Shape):
    file_id: str = ""


class _Output(_Shape):
    type: Literal["logs", "image"]
    logs: str = ""
    image: _Image | None = None


class _Code(_Shape):
    input: str = ""
    outputs: list[_Output] | None = None


class _Call(_Shape):
    id: str
    type: Literal["code_interpreter", "file_search", "retrieval", "function"]
    code_interpreter: _Code | None = None
    file_search: _Search | None = None
    function: _Function | None = None


class _Creation(_Shape):
    message_id: str


class _Details(_Shape):
    type: Literal["tool_calls", "message_creation"]
    tool_calls: list[_Call] = []
    message_creation: _Creation | None = None


class _Submit(_Shape):
    tool_calls: list[_Call]


class _Action(_Shape):
    type: str
    submit_tool_outputs: _Submit


class _CodeFiles(_Shape):
    file_ids: list[str] = []


class _SearchStores(_Shape):
    vector_store_ids: list[str] = []


class _Resources(_Shape):
    code_interpreter: _CodeFiles | None = None
    file_search: _SearchStores | None = None


class _ToolName(_Shape):
    type: str


class _Attachment(_Shape):
    file_id: str
    tools: list[_ToolName] | None = None


class _Usage(_Shape):
    prompt_tokens: int = 0
    completion_tokens: int = 0
    total_tokens: int = 0
    prompt_token_details: dict[str, int] | None = None


class _Counts(_Shape):
    """Those that are missing become 0."""

    in_progress: int = 0
    completed: int = 0
    failed: int = 0
    cancelled: int = 0
    total: int = 0


class _Error(_Shape):
    code: str = ""
    message: str = ""


class _Reason(_Shape):
    reason: str


class _Truncation(_Shape):
    type: str
    last_messages: int | None = None


class _Static(_Shape):
    max_chunk_size_tokens: int
    chunk_overlap_tokens: int


class _Chunking(_Shape):
    type: str
    static: _Static | None = None


class _Expiry(_Shape):
    anchor: str
    days: int


class _Citation(_Shape):
    file_id: str = ""
    quote: str | None = None


class _Annotation(_Shape):
    type: Literal["file_citation", "file_path"] = "file_path"
    text: str = ""
    start_index: int = 0
    end_index: int = 0
    file_citation: _Citation | None = None
    file_path: _Citation | None = None


class _TextValue(_Shape):
    value: str
    annotations: list[_Annotation] = []


class _ImageUrl(_Shape):
    url: str


class _Part(_Shape):
    text: _TextValue | None = None
    image_file: _Image | None = None
    image_url: _ImageUrl | None = None


class _Choice(_Shape):
    type: str
    function: _Function | None = None


class _Format(_Shape):
    type: str
    json_schema: dict[str, Any] | None = None


SHAPES: dict[str, Any] = {
    "tools": list[_Tool],
    "tool_resources": _Resources | None,
    "step_details": _Details,
    "required_action": _Action | None,
    "attachments": list[_Attachment],
    "usage": _Usage | None,
    "file_counts": _Counts,
    "last_error": _Error | None,
    "incomplete_details": _Reason | None,
    "truncation_strategy": _Truncation,
    "chunking_strategy": _Chunking | None,
    "expires_after": _Expiry | None,
    "content": str | list[_Part],
    "tool_choice": str | _Choice | None,
    "response_format": str | _Format | None,
    "metadata": dict[str, str],
    "attributes": dict[str, str | float | int | bool] | None,
    "file_ids": list[str],
    **dict.fromkeys(("max_prompt_tokens", "max_completion_tokens"), int | None),
    "parallel_tool_calls": bool | None,
}
_definitions: dict[str, Any] = {name: (shape, Field(default=None)) for name, shape in SHAPES.items()}
_Shapes = create_model("_Shapes", __base__=_Shape, **_definitions)


def check_shape(where: str, name: str, value: Any) -> None:
    """EmulatorError for a nested value that no object of the API has; `where` is the object's place.

    Half a surrogate pair is let through: `NewState` replaces it.
    """
    try:
        _Shapes.__pydantic_validator__.validate_python({name: value})
    except ValidationError as error:
        first = next((each for each in error.errors(include_url=False) if each["type"] != "string_unicode"), None)
        if first is None:
            return
        path = "".join(f"[{part}]" if isinstance(part, int) else f".{part}" for part in _path(first["loc"]))
        problem = first["msg"].replace("Input should be", "must be").replace("Field required", "is missing")
        raise EmulatorError(f"state: {where}{path} {problem}") from None


def _path(location: tuple[int | str, ...]) -> list[int | str]:
    """The place in the value: without the names of the members of unions."""
    return [part for part in location if isinstance(part, int) or part.replace("_", "").islower()]


def well_formed_value(value: Any) -> Any:
    """The value without lone surrogates, which become U+FFFD."""
    match value:
        case str():
            return value.encode("utf-16-le", "surrogatepass").decode("utf-16-le", "replace")
        case list():
            return [well_formed_value(item) for item in value]
        case dict():
            return {well_formed_value(key): well_formed_value(item) for key, item in value.items()}
        case _:
            return value
