"""Token budgets and truncation: limits of a run's text, and the messages that its responder sees."""

from assistants_emulator import FunctionCall, Incomplete, ProjectHandle, Text


def test_a_reply_over_the_completion_budget_is_cut_and_the_run_incomplete(project: ProjectHandle, asking) -> None:
    project.respond("x" * 400)
    run = asking.poll(max_completion_tokens=20)
    assert (run.status, run.incomplete_details.reason) == ("incomplete", "max_completion_tokens")
    assert asking.messages()[-1].content[0].text.value == "x" * 80
    assert run.usage.completion_tokens == 20


def test_the_message_of_a_cut_reply_is_incomplete_in_the_stream(project: ProjectHandle, asking) -> None:
    project.respond("x" * 400)
    names = asking.names(max_completion_tokens=20)
    assert names[-4:] == [
        "thread.message.delta",
        "thread.message.incomplete",
        "thread.run.step.completed",
        "thread.run.incomplete",
    ]


def test_a_completion_budget_counts_over_all_steps(project: ProjectHandle, asking) -> None:
    project.respond([Text("x" * 40), Text("y" * 40), Text("z" * 40)])
    run = asking.poll(max_completion_tokens=20)
    assert run.status == "incomplete"
    assert [message.content[0].text.value[0] for message in asking.messages()[1:]] == ["x", "y"]


def test_a_prompt_budget_that_is_used_up_ends_the_run_before_the_next_step(project: ProjectHandle, asking) -> None:
    project.respond([Text("first"), Text("second")])
    run = asking.poll(max_prompt_tokens=12, instructions="Answer in a word.")
    assert (run.status, run.incomplete_details.reason) == ("incomplete", "max_prompt_tokens")
    assert len(asking.messages()) == 2


def test_a_script_may_end_a_run_by_its_prompt_budget_with_the_message_whole(project: ProjectHandle, asking) -> None:
    project.respond([Text("said"), Incomplete("max_prompt_tokens")])
    names = asking.names()
    assert names[-3:] == ["thread.message.completed", "thread.run.step.completed", "thread.run.incomplete"]


def test_the_content_filter_leaves_an_incomplete_message(project: ProjectHandle, asking) -> None:
    project.respond([Text("said"), Incomplete("content_filter")])
    ended = next(event.data for event in asking.events() if event.event == "thread.message.incomplete")
    assert ended.incomplete_details.reason == "content_filter"


def test_last_messages_is_what_the_responder_sees(project: ProjectHandle, asking) -> None:
    seen = []
    project.respond(lambda turn: seen.append([message.text for message in turn.messages]) or "ok")
    for text in ("one", "two", "three"):
        asking.beta.threads.messages.create(asking.thread_id, role="user", content=text)
    asking.poll(truncation_strategy={"type": "last_messages", "last_messages": 2})
    assert seen == [["two", "three"]]


def test_auto_truncation_drops_the_middle_to_fit_the_prompt_budget(project: ProjectHandle, asking) -> None:
    seen = []
    project.respond(lambda turn: seen.append([message.text[:1] for message in turn.messages]) or "ok")
    for letter in "abcdef":
        asking.beta.threads.messages.create(asking.thread_id, role="user", content=letter * 400)
    asking.poll(max_prompt_tokens=300)
    assert seen == [["H", "e", "f"]]


def test_the_runs_usage_is_the_sum_of_its_steps(project: ProjectHandle, asking) -> None:
    def answer():
        yield FunctionCall("look")
        yield Text("seen")

    project.respond(answer)
    run = asking.poll()
    (call,) = run.required_action.submit_tool_outputs.tool_calls
    outputs = [{"tool_call_id": call.id, "output": "x"}]
    run = asking.beta.threads.runs.submit_tool_outputs_and_poll(
        run_id=run.id, thread_id=asking.thread_id, tool_outputs=outputs
    )
    assert run.usage.total_tokens == sum(step.usage.total_tokens for step in asking.steps(run.id))
