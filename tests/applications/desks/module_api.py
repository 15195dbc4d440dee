"""The SDK's module-level client: no client is made at all."""

from __future__ import annotations

import openai

from desks.orders import INSTRUCTIONS, TOOL, newest_text, outputs


def ask(question: str) -> str:
    assistant = openai.beta.assistants.create(model="gpt-4o", instructions=INSTRUCTIONS, tools=[TOOL])
    thread = openai.beta.threads.create()
    openai.beta.threads.messages.create(thread.id, role="user", content=question)
    run = openai.beta.threads.runs.create_and_poll(thread_id=thread.id, assistant_id=assistant.id)
    if run.status == "requires_action":
        openai.beta.threads.runs.submit_tool_outputs_and_poll(
            run_id=run.id, thread_id=thread.id, tool_outputs=outputs(run.required_action)
        )
    return newest_text(openai.beta.threads.messages.list(thread.id))
