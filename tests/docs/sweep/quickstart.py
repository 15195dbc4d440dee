import time

from openai import OpenAI


def solve(question):
    client = OpenAI()
    assistant = client.beta.assistants.create(model="gpt-4o", instructions="You are a personal math tutor.")
    thread = client.beta.threads.create()
    client.beta.threads.messages.create(thread.id, role="user", content=question)
    run = client.beta.threads.runs.create(thread_id=thread.id, assistant_id=assistant.id)
    while run.status != "completed":
        time.sleep(1)
        run = client.beta.threads.runs.retrieve(thread_id=thread.id, run_id=run.id)
    return client.beta.threads.messages.list(thread_id=thread.id)
