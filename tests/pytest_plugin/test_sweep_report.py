"""What a sweep shows: the reports of failing variants, the table, the HTML and JSON files."""

from __future__ import annotations

import json
import re
from pathlib import Path
from xml.etree import ElementTree

import pytest
from plugin_helpers import RunTests

CRASHES = """
    import desk

    @pytest.mark.assistants(sweep={"effects": ["429 once", "expired", "failed: server_error", "cut after N"]})
    def test_it(assistants_emulator):
        print("said by the test")
        assert desk.ask() == "completed"
"""
DESK = """
import openai

ENDS = {"completed": "completed", "expired": "late"}

def ask():
    client = openai.OpenAI()
    assistant = client.beta.assistants.create(model="gpt-4o")
    thread = client.beta.threads.create(messages=[{"role": "user", "content": "Hi"}])
    run = client.beta.threads.runs.create_and_poll(thread_id=thread.id, assistant_id=assistant.id)
    return ENDS[run.status]
"""
FAILED = "POST /threads/*/runs 1: failed: server_error"


@pytest.fixture(autouse=True)
def desk(pytester: pytest.Pytester) -> None:
    pytester.makepyfile(desk=DESK)


def test_a_report_has_the_traceback_the_requests_and_the_transcript(run_tests: RunTests) -> None:
    shown = run_tests(CRASHES).stdout
    shown.fnmatch_lines(
        [
            f"*test_it[[]{FAILED.replace('*', '[*]')}[]]*",
            ">       return ENDS[[]run.status[]]",
            "E       KeyError: 'failed'",
            "*assistants sweep*",
            "The run fails with server_error in place of its next reply.",
            "crashed: KeyError: 'failed' (desk.py:10)",
            f"again: pytest 'test_inner.py::test_it' --assistants-variant '{FAILED.replace('*', '[*]')}'",
            "said by the test",
            "*assistants emulator*",
            "requests (4):",
            "  POST /v1/assistants 200",
            "thread_*:",
            "  user: Hi",
            "  run failed: Sorry, something went wrong.",
        ]
    )


def test_the_table_has_the_rows_with_something_in_them(run_tests: RunTests) -> None:
    result = run_tests(CRASHES)
    text = result.stdout.str().partition("= assistants sweep =")[2]
    assert text.partition("\n")[2].partition("\n\n")[0].splitlines() == [
        "test_inner.py::test_it",
        "                          qFE",
        "  POST /threads/*/runs 1  .Co",
        "  o 1 x assert 'late' == 'completed' (test_inner.py:9)",
    ]
    result.stdout.fnmatch_lines(["6 variants of 1 test: 1 other, 1 crashed, 4 same"])


def test_a_verbose_table_has_all_rows(run_tests: RunTests) -> None:
    result = run_tests(CRASHES, "test_inner.py", "-v")
    result.stdout.fnmatch_lines([f"test_inner.py::test_it?{FAILED}? FAILED*100%*", "  POST /assistants 1       ."])


def test_the_same_sweep_shows_the_same_again(run_tests: RunTests) -> None:
    tables = []
    for _ in range(2):
        shown = run_tests(CRASHES, "test_inner.py", "-v", "--assistants-sweep-report=sweep.html").stdout.str()
        tables.append(re.split("=+ (?:assistants sweep|short test summary info) =+", shown)[1])
        tables.append(Path("sweep.json").read_text())
        tables.append(Path("sweep.html").read_text())
    assert tables[:3] == tables[3:]


def test_the_html_file_has_a_trace_for_each_cell(run_tests: RunTests) -> None:
    run_tests(CRASHES, "test_inner.py", "--assistants-sweep-report=reports/sweep.html")
    html = Path("reports/sweep.html").read_text()
    links = re.findall(r'href="#(v\d+-\d+)"', html)
    assert len(links) == 6
    assert sorted(re.findall(r'<section class="trace" id="(v\d+-\d+)">', html)) == sorted(links)
    assert "<script" not in html
    assert "http" not in html.replace("http://127.0.0.1", "")
    assert f"test_inner.py::test_it[{FAILED}]" in html
    assert "KeyError: &#x27;failed&#x27; (desk.py:10)" in html
    assert json.loads(Path("reports/sweep.json").read_text())["totals"] == {"other": 1, "crashed": 1, "same": 4}


def test_what_the_application_says_is_text_in_the_html(run_tests: RunTests, pytester: pytest.Pytester) -> None:
    pytester.makepyfile(desk=DESK.replace('"late"', '"<b>late</b>"').replace('"Hi"', '"<i>Hi</i>"'))
    run_tests(CRASHES, "test_inner.py", "--assistants-sweep-report=sweep.html")
    html = Path("sweep.html").read_text()
    assert "&lt;b&gt;late" in html
    assert "<i>Hi" not in html


@pytest.mark.parametrize("workers", [(), pytest.param(("-n1",), marks=pytest.mark.slow)])
def test_failing_variants_are_in_the_xml_file(run_tests: RunTests, workers: tuple[str, ...]) -> None:
    run_tests(CRASHES, "test_inner.py", "--junitxml=results.xml", *workers)
    cases = ElementTree.parse("results.xml").findall(".//testcase")
    assert [(case.get("name"), case.find("failure") is not None) for case in cases] == [
        ("test_it", False),
        (f"test_it[{FAILED}]", True),
    ]


def test_the_percentage_is_of_tests(run_tests: RunTests) -> None:
    result = run_tests(CRASHES)
    result.stdout.fnmatch_lines(["test_inner.py .F * [[]100%[]]"])


def test_a_failing_variant_has_a_trace_of_its_own(run_tests: RunTests) -> None:
    result = run_tests(CRASHES, "test_inner.py", "--assistants-trace=traces")
    (file,) = Path("traces").iterdir()
    assert "server_error" in file.name
    result.stdout.fnmatch_lines([f"trace: *{file.name}"])
