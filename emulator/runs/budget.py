"""Token budgets: per run, over all its steps (behaviour.md section 7.1).

A completion that would exceed its budget is cut short; a prompt that cannot fit any more ends the run before its next
step, with what was said so far left whole (ai-engine requests_messages_assistant_create: the message is completed).
"""

from __future__ import annotations

from emulator.context import Context
from emulator.runs import tokens
from emulator.runs.content import Part, TextPart
from emulator.runs.prompt import least_prompt_tokens
from emulator.store import Object

PROMPT, COMPLETION = "max_prompt_tokens", "max_completion_tokens"


def left(context: Context, run: Object, budget: str) -> int | None:
    """How many tokens the budget still has; None where the run has no such budget."""
    if run[budget] is None:
        return None
    field = "prompt_tokens" if budget == PROMPT else "completion_tokens"
    used = sum(step["usage"][field] for step in context.store.of("steps", "run_id", run["id"]) if step["usage"])
    most: int = run[budget] - used
    return most


def exhausted(context: Context, run: Object) -> str | None:
    """The budget that leaves no room for another step, if one does."""
    prompt, completion = left(context, run, PROMPT), left(context, run, COMPLETION)
    if prompt is not None and prompt < least_prompt_tokens(context, run):
        return PROMPT
    return COMPLETION if completion is not None and completion <= 0 else None


def fitted(parts: list[Part], most: int | None) -> tuple[list[Part], bool]:
    """The parts as far as `most` tokens go, and whether they had to be cut. Only texts are cut."""
    fitting: list[Part] = []
    for part in parts:
        needed = tokens.of_text(part.value) if isinstance(part, TextPart) else 0
        if most is None or needed <= most:
            fitting.append(part)
            most = None if most is None else most - needed
        else:
            assert isinstance(part, TextPart)
            value = part.value.encode("utf-8", "surrogatepass")[: most * 4].decode("utf-8", "ignore")
            return [*fitting, TextPart(value)], True
    return fitting, False
