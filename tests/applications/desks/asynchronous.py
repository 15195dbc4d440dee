"""Coroutines over a client that each event loop makes for itself, and a loop that sleeps."""

from __future__ import annotations

import asyncio
from typing import Any

from openai import AsyncOpenAI

from desks.orders import INSTRUCTIONS, TOOL, newest_text, outputs


async def finished(client: AsyncOpenAI, run: Any) -> None:
    while run.status in ("queued", "in_progress", "requires_action"):
        await asyncio.sleep(10)
        run = await client.beta.threads.runs.retrieve(run.id, thread_id=run.thread_id)
        if run.status == "requires_action":
            run = await client.beta.threads.runs.submit_tool_outputs(
                run.id, thread_id=run.thread_id, tool_outputs=outputs(run.required_action)
            )


async def answer(question: str) -> str:
    async with AsyncOpenAI() as client:
        assistant = await client.beta.assistants.create(model="gpt-4o", instructions=INSTRUCTIONS, tools=[TOOL])
        thread = await client.beta.threads.create(messages=[{"role": "user", "content": question}])
        run = await client.beta.threads.runs.create(thread_id=thread.id, assistant_id=assistant.id)
        await finished(client, run)
        return newest_text(await client.beta.threads.messages.list(thread.id))


def ask(question: str) -> str:
    return asyncio.run(answer(question))
