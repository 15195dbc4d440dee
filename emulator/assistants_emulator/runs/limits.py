"""Limits of a run on its replies: the tools it allows, the schemas of arguments and texts, and its token budgets.

A reply that the real model could not have made is the author's mistake: a ScriptError, since a test that relies on it
would pass here and nowhere else. Budgets hold per run, over all its steps: a completion over its budget is cut short; a
prompt over its budget ends the run before the next step, and messages so far stay complete (ai-engine
requests_messages_assistant_create; docs/reference/behaviour.md#run-object).
"""

from __future__ import annotations

from typing import Any

from assistants_emulator.errors import ScriptError, suggestion
from assistants_emulator.resources.context import Context
from assistants_emulator.resources.token_estimates import of_text
from assistants_emulator.responders.replies import CodeInterpreter, FileSearch, Text
from assistants_emulator.runs.content import Part, TextPart
from assistants_emulator.runs.tokens import least_prompt_tokens
from assistants_emulator.store import Object
from assistants_emulator.turns.checks import are_slow, check_allowed, check_calls, check_format, is_slow_format


def check_declared(context: Context, run: Object, reply: Any) -> None:
    """ScriptError for a function or tool that the run does not declare; for an adopted assistant it is a remark."""
    if not context.strict_tools or (problem := _undeclared(run["tools"], reply)) is None:
        return
    if run["assistant_id"] not in context.adopted:
        end = "" if problem.endswith("?") else "."
        raise ScriptError(
            f"{problem}{end} Declare it in the assistant's tools; strict_tools=False turns this check off"
        )
    context.remarks.append(f"{problem}; its assistant was adopted, so the reply was played")


def _undeclared(tools: list[Object], reply: Any) -> str | None:
    if isinstance(reply, CodeInterpreter | FileSearch):
        tool = "code_interpreter" if isinstance(reply, CodeInterpreter) else "file_search"
        is_declared = any(declared["type"] == tool for declared in tools)
        return None if is_declared else f"the responder replies with {type(reply).__name__}, and the run has no {tool}"
    names = [tool["function"]["name"] for tool in tools if tool["type"] == "function"]
    for call in reply if isinstance(reply, list) else ():
        if call.name not in names:
            hint = suggestion(call.name, names, f"; it declares {', '.join(names) or 'no function'}")
            return f"the responder calls {call.name!r}, which the run does not declare{hint}"
    return None


def check_reply(run: Object, reply: Any) -> None:
    """ScriptError for tools that the run may not use, arguments or texts that do not fit their schemas."""
    match reply:
        case list():
            for call in reply:
                check_allowed("run", run["tool_choice"], f"FunctionCall {call.name!r}")
            check_calls("run", reply, _parameters(run), run["parallel_tool_calls"])
        case CodeInterpreter() | FileSearch():
            check_allowed("run", run["tool_choice"], type(reply).__name__)
        case Text(then=None):  # models leave JSON unfinished too, where a text ends in its middle
            kind, schema = _format(run)
            check_format(f"the run has response_format {kind}", kind, schema, reply.value)


def is_slow(run: Object, reply: Any) -> bool:
    """True if checking the reply may take long, by the schemas that the run has: then not on the server's loop."""
    match reply:
        case list():
            return are_slow(reply, _parameters(run))
        case Text():
            return is_slow_format(_format(run)[1], reply.value)
    return False


def _parameters(run: Object) -> dict[str, Object]:
    functions = (tool["function"] for tool in run["tools"] if tool["type"] == "function")
    return {function["name"]: function["parameters"] for function in functions}


def _format(run: Object) -> tuple[str, Object | None]:
    """The type of the run's response format, and its schema."""
    given = run["response_format"]
    if not isinstance(given, dict):
        return str(given), None
    return given["type"], (given.get("json_schema") or {}).get("schema")


PROMPT, COMPLETION = "max_prompt_tokens", "max_completion_tokens"


def left(context: Context, run: Object, budget: str) -> int | None:
    """The tokens left of the budget; None if the run has no such budget."""
    if run[budget] is None:
        return None
    field = "prompt_tokens" if budget == PROMPT else "completion_tokens"
    spent = sum(step["usage"][field] for step in context.store.of("steps", "run_id", run["id"]) if step["usage"])
    rest: int = run[budget] - spent
    return rest


def exhausted(context: Context, run: Object) -> str | None:
    """The budget that leaves no room for another step, or None."""
    prompt, completion = left(context, run, PROMPT), left(context, run, COMPLETION)
    if prompt is not None and prompt < least_prompt_tokens(context, run):
        return PROMPT
    return COMPLETION if completion is not None and completion <= 0 else None


def fitted(parts: list[Part], most: int | None) -> tuple[list[Part], bool]:
    """The parts within `most` tokens (None: no limit), and True if they had to be cut. Only texts are cut."""
    fitting: list[Part] = []
    for part in parts:
        needed = of_text(part.value) if isinstance(part, TextPart) else 0
        if most is None or needed <= most:
            fitting.append(part)
            most = None if most is None else most - needed
        else:
            assert isinstance(part, TextPart)
            value = part.value.encode("utf-8", "surrogatepass")[: most * 4].decode("utf-8", "ignore")
            return [*fitting, TextPart(value)], True
    return fitting, False
