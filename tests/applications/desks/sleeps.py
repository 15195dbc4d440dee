"""A loop of 2023: it sleeps between its looks at the run, however quick that is."""

from __future__ import annotations

import time
from time import sleep

from openai import OpenAI

from desks.orders import INSTRUCTIONS, TOOL, newest_text, outputs

client = OpenAI()


def wait_for(thread_id: str, run_id: str) -> None:
    for _ in range(60):
        run = client.beta.threads.runs.retrieve(run_id, thread_id=thread_id)
        if run.status == "requires_action":
            sleep(5)  # "give the service a moment"
            client.beta.threads.runs.submit_tool_outputs(
                run_id, thread_id=thread_id, tool_outputs=outputs(run.required_action)
            )
        elif run.status not in ("queued", "in_progress"):
            return
        time.sleep(10)
    raise TimeoutError(run_id)


def ask(question: str) -> str:
    assistant = client.beta.assistants.create(model="gpt-4o", instructions=INSTRUCTIONS, tools=[TOOL])
    thread = client.beta.threads.create(messages=[{"role": "user", "content": question}])
    run = client.beta.threads.runs.create(thread_id=thread.id, assistant_id=assistant.id)
    wait_for(thread.id, run.id)
    return newest_text(client.beta.threads.messages.list(thread.id))
