"""The control API, by which a test in any language controls the emulator."""

from pathlib import Path

import httpx2
import openai
import pytest

from assistants_emulator import Emulator, Pause, Text

SCRIPT = {"version": 1, "replies": [{"do": [{"text": "From the script."}]}]}


def ask(emulator: Emulator, text: str = "Hello") -> tuple[object, str]:
    beta = emulator.client().beta
    assistant = beta.assistants.create(model="gpt-4o")
    thread = beta.threads.create(messages=[{"role": "user", "content": text}])
    run = beta.threads.runs.create(thread_id=thread.id, assistant_id=assistant.id)
    run = beta.threads.runs.retrieve(run_id=run.id, thread_id=thread.id)
    return run, beta.threads.messages.list(thread.id).data[0].content[0].text.value


def test_health_needs_no_key(control: httpx2.Client) -> None:
    answer = httpx2.get(control.base_url.join("health"))
    assert answer.json() == {"status": "ok", "version": "0.1.0"}


def test_a_script_is_put_shown_and_used(emulator: Emulator, control: httpx2.Client) -> None:
    assert control.put("script", json=SCRIPT).json() == SCRIPT
    assert control.get("script").json() == SCRIPT
    assert ask(emulator)[1] == "From the script."


def test_a_deleted_script_leaves_the_echo(emulator: Emulator, control: httpx2.Client) -> None:
    control.put("script", json=SCRIPT)
    assert control.delete("script").json() == {"version": 1, "replies": []}
    assert ask(emulator)[1] == "Echo: Hello"


def test_a_script_with_a_mistake_is_refused_in_the_apis_envelope(control: httpx2.Client) -> None:
    answer = control.put("script", json={"version": 1, "replies": [{"do": [{"txt": "x"}]}]})
    assert answer.status_code == 400
    assert answer.json()["error"]["message"].startswith(
        "script: replies[0].do[0]: unknown action 'txt'; did you mean 'text'?"
    )


def test_a_transcript_is_read_by_id_and_all_in_the_order_of_use(emulator: Emulator, control: httpx2.Client) -> None:
    run, _ = ask(emulator)
    response = emulator.client().responses.create(model="gpt-4o", input="Hi")
    first = {"id": run.thread_id, "transcript": "user: Hello\nassistant: Echo: Hello\nrun completed\n"}  # type: ignore[attr-defined]
    second = {"id": response.id, "transcript": "user: Hi\nassistant: Echo: Hi\nrun completed\n"}
    assert control.get(f"transcripts/{response.id}").json() == second
    assert control.get("transcripts").json() == {"data": [first, second]}
    assert control.get("transcripts?newest=1&portable=true").json() == {"data": [second]}
    assert control.get("transcripts/x").json()["error"]["message"].startswith("there is no thread, conversation or")
    assert control.get("transcripts?newest=two").status_code == 400


def test_a_rule_is_added_to_the_script(emulator: Emulator, control: httpx2.Client) -> None:
    control.put("script", json={"version": 1, "replies": [{"times": 1, "do": [{"text": "Once."}]}]})
    assert ask(emulator)[1] == "Once."
    rule = {"when": {"message": "Hello"}, "do": [{"text": "Added."}]}
    assert control.post("script/replies", json=rule).json()["replies"][1] == rule
    assert ask(emulator)[1] == "Added."
    assert control.get("script").json()["replies"][1] == rule


def test_a_rule_is_added_where_there_is_no_script(emulator: Emulator, control: httpx2.Client) -> None:
    rule = {"do": [{"text": "Added."}]}
    assert control.post("script/replies", json=rule).json() == {"version": 1, "replies": [rule]}
    assert ask(emulator)[1] == "Added."


def test_a_rule_is_added_to_a_script_with_files_of_this_machine(tmp_path: Path) -> None:
    (tmp_path / "a.png").write_bytes(b"png")
    (tmp_path / "s.yaml").write_text("version: 1\nreplies: [{times: 1, do: [{image_file: {path: a.png}}]}]\n")
    with Emulator(script=tmp_path / "s.yaml") as emulator:
        url = f"{emulator.base_url.removesuffix('/v1')}/_emulator/script/replies"
        answer = httpx2.post(url, json={"do": [{"text": "Added."}]})
    assert len(answer.json()["replies"]) == 2


def test_failures_of_runs_rules_and_scripts_are_listed(emulator: Emulator, control: httpx2.Client) -> None:
    def raises(turn: object) -> str:
        raise ValueError("no such city")

    emulator.respond(raises, when="city")
    control.put(
        "script", json={"version": 1, "replies": [{"when": {"message": "Bye"}, "times": 2, "do": [{"text": "x"}]}]}
    )
    control.put("script", json={"version": 2})
    run, _ = ask(emulator, "Which city?")
    ask(emulator, "Hello")
    answer = control.get("failures").json()
    assert answer["exceptions"] == [{"run_id": run.id, "type": "ValueError", "message": "no such city"}]
    assert [text.splitlines()[0].split(":")[0] for text in answer["unmatched"]] == ["No rule matches this run"]
    assert answer["unused"] == ["script replies[0]: message matches 'Bye' (used 0 of 2 times)"]
    assert answer["script_mistakes"] == ["script: version: must be 1, not 2 (int)"]


def test_a_failure_without_a_text_is_listed(emulator: Emulator, control: httpx2.Client) -> None:
    class Mute(Exception):
        def __str__(self) -> str:
            raise ValueError("no text")

    def raises(turn: object) -> str:
        raise Mute

    emulator.respond(raises)
    ask(emulator, "Hello")
    (failure,) = control.get("failures").json()["exceptions"]
    assert (failure["type"], failure["message"]) == ("Mute", "(it has no text: str() of it failed)")


def test_failures_are_gone_after_a_reset(control: httpx2.Client) -> None:
    control.put("script", json={"version": 2})
    control.post("reset")
    empty = {"exceptions": [], "unmatched": [], "unused": [], "script_mistakes": []}
    assert control.get("failures").json() == empty


def test_failures_wait_for_runs_at_work(emulator: Emulator, control: httpx2.Client) -> None:
    emulator.respond("Never.", when="another question")
    beta = emulator.client().beta
    assistant = beta.assistants.create(model="gpt-4o", instructions="Help.")
    beta.threads.create_and_run(assistant_id=assistant.id)
    assert len(control.get("failures").json()["unmatched"]) == 1


def test_a_reset_may_keep_the_script_unused_again(emulator: Emulator, control: httpx2.Client) -> None:
    control.put("script", json={"version": 1, "replies": [{"times": 1, "do": [{"text": "Once."}]}]})
    assert ask(emulator)[1] == "Once."
    control.post("reset", json={"keep_script": True})
    assert emulator.client().beta.assistants.list().data == []
    assert ask(emulator)[1] == "Once."


def test_keep_script_is_a_boolean(control: httpx2.Client) -> None:
    answer = control.post("reset", json={"keep_script": "yes"})
    assert (answer.status_code, "keep_script" in answer.json()["error"]["message"]) == (400, True)


def test_the_clock_is_shown_moved_and_set(control: httpx2.Client) -> None:
    assert control.get("clock").json() == {"now": 1735689600, "mode": "manual"}
    assert control.post("clock", json={"advance": 90}).json()["now"] == 1735689690
    assert control.post("clock", json={"set": 1800000000}).json()["now"] == 1800000000


@pytest.mark.parametrize(
    "body", [{}, {"advance": "soon"}, {"advance": 1, "set": 2}, {"advance": -1}, {"advance": True}]
)
def test_a_clock_that_cannot_be_moved_so_says_how(control: httpx2.Client, body: dict[str, object]) -> None:
    answer = control.post("clock", json=body)
    assert answer.status_code == 400
    assert "advance" in answer.json()["error"]["message"]


def test_faults_are_added_listed_and_cleared(control: httpx2.Client) -> None:
    added = control.post("faults", json={"route": "GET /threads/*", "status": 429, "times": 2}).json()
    assert (added["route"], added["status"], added["used"]) == ("GET /threads/*", 429, 0)
    assert control.get("faults").json() == {"data": [added]}
    assert control.delete("faults").json() == {"data": []}


def test_a_fault_with_an_unknown_field_names_those_that_there_are(control: httpx2.Client) -> None:
    answer = control.post("faults", json={"route": "GET /threads", "statsu": 500})
    assert answer.status_code == 400
    assert "statsu" in answer.json()["error"]["message"]
    assert "status" in answer.json()["error"]["message"]


def test_requests_are_listed_with_their_bodies(emulator: Emulator, control: httpx2.Client) -> None:
    emulator.client().beta.assistants.create(model="gpt-4o", name="Noted")
    (call,) = control.get("requests").json()["data"]
    expected = {"method": "POST", "path": "/v1/assistants", "body": {"model": "gpt-4o", "name": "Noted"}, "status": 200}
    assert call == expected


def test_a_paused_run_is_resumed(emulator: Emulator, control: httpx2.Client) -> None:
    emulator.respond([Pause(), Text("Resumed.")])
    run, _ = ask(emulator)
    assert run.status == "in_progress"
    assert control.post(f"runs/{run.id}/resume").json() == {"id": run.id, "resumed": True}
    retrieved = emulator.client().beta.threads.runs.retrieve(run_id=run.id, thread_id=run.thread_id)
    assert retrieved.status == "completed"


def test_a_run_that_is_not_paused_cannot_be_resumed(control: httpx2.Client) -> None:
    answer = control.post("runs/run_none/resume")
    assert (answer.status_code, answer.json()["error"]["message"]) == (404, "No paused run found with id 'run_none'.")


def test_reset_empties_the_project_and_restarts_its_ids(emulator: Emulator, control: httpx2.Client) -> None:
    first = emulator.client().beta.assistants.create(model="gpt-4o").id
    control.put("script", json=SCRIPT)
    control.post("reset", json={})
    assert emulator.client().beta.assistants.create(model="gpt-4o").id == first
    assert control.get("script").json() == {"version": 1, "replies": []}


def test_a_reset_with_a_seed_makes_other_ids(emulator: Emulator, control: httpx2.Client) -> None:
    first = emulator.client().beta.assistants.create(model="gpt-4o").id
    control.post("reset", json={"seed": "other"})
    assert emulator.client().beta.assistants.create(model="gpt-4o").id != first


def test_an_unknown_call_lists_those_that_there_are(control: httpx2.Client) -> None:
    answer = control.get("statee")
    assert answer.status_code == 404
    assert "GET state" in answer.json()["error"]["message"]


def test_the_projects_of_two_keys_are_apart(emulator: Emulator, control: httpx2.Client) -> None:
    control.put("script", json=SCRIPT)
    other = control.get("script", headers={"Authorization": "Bearer sk-emulator-other"})
    assert other.json() == {"version": 1, "replies": []}


def test_a_variant_is_listed_set_and_met(emulator: Emulator, control: httpx2.Client) -> None:
    client = emulator.client(max_retries=0)
    client.beta.threads.create()
    name = "POST /threads 1: 500"
    assert name in control.get("variants").json()["data"]
    control.post("reset")
    assert control.post("variant", json={"name": name}).json() == {"name": name, "met": False}
    with pytest.raises(openai.InternalServerError):
        client.beta.threads.create()
    assert control.get("variant").json() == {"name": name, "met": True}


def test_before_one_is_set_there_is_no_variant(control: httpx2.Client) -> None:
    assert control.get("variant").json() == {"name": None, "met": False}
