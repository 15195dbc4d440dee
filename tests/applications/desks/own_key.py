"""A client with a key of its own, from the application's settings."""

from __future__ import annotations

from dataclasses import dataclass

from openai import OpenAI

from desks.orders import INSTRUCTIONS, TOOL, newest_text, outputs


@dataclass(frozen=True)
class Settings:
    openai_key: str = "sk-proj-of-the-settings"


class Desk:
    def __init__(self, settings: Settings) -> None:
        self.client = OpenAI(api_key=settings.openai_key)

    def ask(self, question: str) -> str:
        beta = self.client.beta
        assistant = beta.assistants.create(model="gpt-4o", instructions=INSTRUCTIONS, tools=[TOOL])
        thread = beta.threads.create(messages=[{"role": "user", "content": question}])
        with beta.threads.runs.stream(thread_id=thread.id, assistant_id=assistant.id) as stream:
            run = stream.get_final_run()
        if run.status == "requires_action":
            with beta.threads.runs.submit_tool_outputs_stream(
                run_id=run.id, thread_id=thread.id, tool_outputs=outputs(run.required_action)
            ) as stream:
                stream.until_done()
        return newest_text(beta.threads.messages.list(thread.id))


desk = Desk(Settings())


def ask(question: str) -> str:
    return desk.ask(question)
