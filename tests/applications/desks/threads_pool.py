"""Questions answered by a pool of threads that outlives them, over one client."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor

from openai import OpenAI

from desks.orders import INSTRUCTIONS, TOOL, newest_text, outputs

client = OpenAI()
pool = ThreadPoolExecutor(2, thread_name_prefix="desk")


def _answer(question: str) -> str:
    assistant = client.beta.assistants.create(model="gpt-4o", instructions=INSTRUCTIONS, tools=[TOOL])
    thread = client.beta.threads.create(messages=[{"role": "user", "content": question}])
    run = client.beta.threads.runs.create_and_poll(thread_id=thread.id, assistant_id=assistant.id)
    if run.status == "requires_action":
        client.beta.threads.runs.submit_tool_outputs_and_poll(
            run_id=run.id, thread_id=thread.id, tool_outputs=outputs(run.required_action)
        )
    return newest_text(client.beta.threads.messages.list(thread.id))


def ask(question: str) -> str:
    return pool.submit(_answer, question).result()
