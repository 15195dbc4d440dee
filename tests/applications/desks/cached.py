"""A client behind `functools.cache`, as settings and clients of web applications are."""

from __future__ import annotations

import functools

from openai import OpenAI

from desks.orders import INSTRUCTIONS, TOOL, newest_text, outputs


@functools.cache
def get_client() -> OpenAI:
    return OpenAI(max_retries=5)


def ask(question: str) -> str:
    beta = get_client().beta
    assistant = beta.assistants.create(model="gpt-4o", instructions=INSTRUCTIONS, tools=[TOOL])
    run = beta.threads.create_and_run_poll(
        assistant_id=assistant.id, thread={"messages": [{"role": "user", "content": question}]}
    )
    if run.status == "requires_action":
        run = beta.threads.runs.submit_tool_outputs_and_poll(
            run_id=run.id, thread_id=run.thread_id, tool_outputs=outputs(run.required_action)
        )
    return newest_text(beta.threads.messages.list(run.thread_id))
