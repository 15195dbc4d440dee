"""Azure's client, made on import; all that it needs comes from the environment."""

from __future__ import annotations

from openai import AzureOpenAI

from desks.orders import INSTRUCTIONS, TOOL, newest_text, outputs

client = AzureOpenAI()


def ask(question: str) -> str:
    assistant = client.beta.assistants.create(model="desk-deployment", instructions=INSTRUCTIONS, tools=[TOOL])
    thread = client.beta.threads.create(messages=[{"role": "user", "content": question}])
    run = client.beta.threads.runs.create_and_poll(thread_id=thread.id, assistant_id=assistant.id)
    if run.status == "requires_action":
        client.beta.threads.runs.submit_tool_outputs_and_poll(
            run_id=run.id, thread_id=thread.id, tool_outputs=outputs(run.required_action)
        )
    return newest_text(client.beta.threads.messages.list(thread.id))
