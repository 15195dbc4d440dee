"""A `.env` file that is loaded on import and takes the place of what the environment says."""

from __future__ import annotations

import os
from pathlib import Path

from openai import OpenAI

from desks.orders import INSTRUCTIONS, TOOL, newest_text, outputs


def load_dotenv(path: Path) -> None:
    """`python-dotenv`'s, with `override=True`."""
    for line in path.read_text().splitlines():
        name, equals, value = line.partition("=")
        if equals and not name.startswith("#"):
            os.environ[name.strip()] = value.strip().strip('"')


load_dotenv(Path(__file__).with_name("desk.env"))
client = OpenAI(api_key=os.environ["OPENAI_API_KEY"], timeout=float(os.environ["DESK_TIMEOUT"]))


def ask(question: str) -> str:
    assistant = client.beta.assistants.create(model=os.environ["DESK_MODEL"], instructions=INSTRUCTIONS, tools=[TOOL])
    thread = client.beta.threads.create(messages=[{"role": "user", "content": question}])
    run = client.beta.threads.runs.create_and_poll(thread_id=thread.id, assistant_id=assistant.id)
    if run.status == "requires_action":
        client.beta.threads.runs.submit_tool_outputs_and_poll(
            run_id=run.id, thread_id=thread.id, tool_outputs=outputs(run.required_action)
        )
    return newest_text(client.beta.threads.messages.list(thread.id))
