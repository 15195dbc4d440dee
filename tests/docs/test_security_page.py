"""Each sentence of docs/security.md that promises something, and the test that shows it."""

from __future__ import annotations

import re
import tomllib

import pytest
from promises import ROOT, check_all_used, check_shown, page, section, sentences

PAGE = page("security.md")
NO_PROMISES = (
    "This blocks DNS rebinding",
    "In addition:",
    "What is a boundary and what is not:",
    "Code that you do not trust",
    "The emulator installs beside applications",
    "These limits hold whatever",
    "Older releases of pypdf can loop",
    "Where no application pins them",
)
RULE_CODE = "security/test_rule_code"
SECURITY, TOKEN, PROJECTS = "security/test_security", "security/test_token", "security/test_projects"
GATE, SCRUB, LIMITS = "recording/test_recording_gate", "recording/test_recording_scrub", "recording/test_convert_limits"
FILES, FORMS = "retrieval/test_retrieval_hostile_files", "resources/test_files_forms"
BOUNDS, HERE = "hostile/test_bounds", "docs/test_security_page"
ISOLATION, CODE_LIMITS = "execution/test_execution_isolation", "execution/test_execution_limits"
# the beginning of a sentence: the test that shows it
SHOWN_BY = {
    "It listens on the loopback address": f"{SECURITY}:test_it_listens_on_the_loopback_address",
    "A request is refused with 403 if its `Host`": f"{SECURITY}:test_a_foreign_host_is_refused",
    "A request is refused with 403 if its `Origin`": f"{SECURITY}:test_a_foreign_page_is_refused",
    "`--allow-host '*'` opens no origin": f"{SECURITY}:test_any_host_opens_no_origin",
    "A write that a browser calls `cross-site`": f"{SECURITY}:test_a_cross_site_write_is_refused",
    "CORS headers are sent": f"{SECURITY}:test_a_loopback_page_gets_cors_headers",
    "With `--api-key`, every call": f"{SECURITY}:test_with_an_api_key_every_call_needs_it",
    "The only exception is `health`": f"{SECURITY}:test_with_an_api_key_every_call_needs_it",
    "Each start has a token": f"{TOKEN}:test_each_start_has_a_token_of_its_own",
    "With `--allow-code-execution` the inspector": f"{TOKEN}:test_a_page_of_another_port_cannot_have_code_run",
    "`--api-key` does not take its place": f"{TOKEN}:test_the_api_key_does_not_take_its_place",
    "Where a person plays the assistant": f"{TOKEN}:test_a_project_needs_it_from_the_moment_that_a_person_plays",
    "The token is accepted in the header": f"{TOKEN}:test_writes_of_the_control_api_need_it",
    "The environment variable": f"{TOKEN}:test_a_command_beside_the_server_gets_it_where_it_is_needed",
    "A browser that has signed in": f"{TOKEN}:test_the_cookie_is_a_random_session_of_this_port",
    "The theme that is chosen": "inspector/test_inspector_find:test_a_theme_is_set_by_a_form_of_the_page_alone",
    "While tests use an emulator": f"{RULE_CODE}:test_it_answers_only_under_its_random_path",
    "It answers only under a random path": f"{RULE_CODE}:test_it_answers_only_under_its_random_path",
    "Answers of the control API are marked": f"{TOKEN}:test_answers_of_the_control_api_cannot_be_used_by_other_pages",
    "A key never sees another key's": f"{PROJECTS}:test_the_hash_of_a_name_is_another_project",
    "In a data directory": f"{PROJECTS}:test_a_key_that_writes_has_one",
    "`record` and `replay` have the same gate": f"{GATE}:test_a_player_refuses_foreign_hosts_and_pages",
    "`record` lends its key": f"{GATE}:test_the_key_is_lent_to_programs_of_this_machine",
    "Any other client's own key": f"{GATE}:test_a_peer_of_another_machine_has_its_own_key_only",
    "`Cookie`, `Origin`": f"{GATE}:test_what_a_browser_adds_does_not_go_up",
    "A path with the segments": f"{GATE}:test_a_path_with_dot_segments_does_not_go_up",
    "Credentials in the URL": f"{SCRUB}:test_credentials_of_the_upstreams_address_are_used_and_not_recorded",
    "What looks like a secret": f"{SCRUB}:test_a_secret_is_nowhere_in_the_files_of_a_cassette",
    "Scripts and state files are data": f"{SECURITY}:test_a_script_is_data",
    "A YAML file": f"{LIMITS}:test_a_document_is_refused_before_it_is_read_to_its_end",
    "More, a file that contains itself": f"{LIMITS}:test_a_document_that_contains_itself_is_refused",
    "`--responder` is the only way": f"{SECURITY}:test_a_script_is_data",
    "A script that arrives over": f"{SECURITY}:test_a_script_that_comes_over_the_network_names_no_local_file",
    "File names of uploads": f"{SECURITY}:test_a_file_name_never_becomes_a_path",
    "A JSON body has at most": f"{SECURITY}:test_too_large_a_body_is_an_error_in_the_envelope",
    "More is an error in the API's envelope": f"{SECURITY}:test_too_many_headers_close_the_connection",
    "A form has at most 1,000 parts": f"{BOUNDS}:test_parts_fields_and_headers_of_a_form_are_bounded",
    "Trailers have at most": f"{BOUNDS}:test_too_large_trailers_close_the_connection",
    "A request's head has to arrive": f"{BOUNDS}:test_a_request_that_does_not_go_on_is_closed",
    "Else the connection is closed": f"{BOUNDS}:test_a_body_that_trickles_is_closed",
    "When connections take three quarters": f"{BOUNDS}:test_idle_connections_are_dropped_when_descriptors_run_out",
    "Nothing is fetched": f"{SECURITY}:test_nothing_that_a_request_names_is_fetched",
    "`--responder chat` contacts only": "chat/test_chat_errors:test_no_proxy_is_asked",
    "With `--allow-code-execution` an assistant's code": f"{ISOLATION}:test_the_runner_is_not_in_the_codes_names",
    "It has limits: 30 s": f"{HERE}:test_the_limits_of_executed_code_are_those_of_the_code",
    "It sees nothing": f"{ISOLATION}:test_the_environment_is_not_inherited",
    "It has no network": f"{ISOLATION}:test_multiprocessing_starts_no_process",
    "On Linux the system enforces": f"{ISOLATION}:test_compiled_code_starts_and_signals_no_process",
    "In namespaces of its own": f"{ISOLATION}:test_the_emulators_environment_is_out_of_reach",
    "Where the system offers no namespaces": f"{ISOLATION}:test_without_namespaces_no_process_is_started",
    "It ends with its run": f"{ISOLATION}:test_code_does_not_outlive_an_emulator_that_was_killed",
    "`serve` marks itself undumpable": f"{SECURITY}:test_serve_marks_itself_undumpable",
    "A pytest process is left": f"{SECURITY}:test_a_pytest_process_stays_dumpable",
    "The headers of one part": f"{BOUNDS}:test_parts_fields_and_headers_of_a_form_are_bounded",
    "Its slow reading of what stands around": f"{FORMS}:test_what_stands_around_the_parts_is_passed_over",
    "Its parser of `Content-Type`": f"{HERE}:test_parsers_with_known_faults_are_not_used",
    "Starlette's `FileResponse`": f"{HERE}:test_parsers_with_known_faults_are_not_used",
    "JSON is read by orjson": f"{HERE}:test_the_lowest_releases_are_those_that_are_declared",
    "A PDF's pages are read": f"{FILES}:test_a_page_of_endless_content_is_refused_before_it_is_read",
    "Releases without the faults above": f"{HERE}:test_the_container_has_releases_without_the_faults",
}


@pytest.mark.parametrize("sentence", sentences(PAGE, NO_PROMISES))
def test_each_sentence_has_a_test(sentence: str) -> None:
    check_shown(sentence, SHOWN_BY)


def test_no_test_is_named_for_a_sentence_that_is_gone() -> None:
    check_all_used(PAGE, SHOWN_BY)


def version(text: str) -> tuple[int, ...]:
    return tuple(map(int, text.split(".")))


def test_the_container_has_releases_without_the_faults() -> None:
    told = PAGE.partition("Releases without the faults above:")[2]
    wanted = re.findall(r"([A-Za-z][\w-]+) (\d+(?:\.\d+)+)", told)
    pins = dict(re.findall(r"([A-Za-z][\w-]+)==([\d.]+)", (ROOT / "Containerfile").read_text()))
    pins = {name.lower(): version(pin) for name, pin in pins.items()}
    assert len(wanted) == 6
    assert [name for name, least in wanted if pins[name.lower()] < version(least)] == []


def test_the_lowest_releases_are_those_that_are_declared() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    declared = [*project["dependencies"], *project["optional-dependencies"]["documents"]]
    releases = section(PAGE, "Old releases of dependencies")
    assert "orjson>=3.9.15" in declared
    assert "orjson 3.9.15 or newer" in releases
    assert "pypdf>=4.3.1" in declared
    assert "4.3.1, the lowest that is accepted" in releases


def test_parsers_with_known_faults_are_not_used() -> None:
    code = "".join(file.read_text() for file in (ROOT / "emulator").rglob("*.py"))
    assert not re.findall(r"import .*FileResponse|parse_options_header|\.form\(\)", code)


def test_the_limits_of_executed_code_are_those_of_the_code() -> None:
    from assistants_emulator.code_interpreter.process import Limits

    limits, text = Limits(), re.sub(r"\s+", " ", section(PAGE, "Executed code"))
    mega = 1024 * 1024
    assert f"{limits.disk_bytes // mega} MiB of disk, {limits.open_files} open files, " in text
    assert f"{limits.log_bytes // mega} MiB of output" in text
    assert f"{limits.cpu_seconds:g} s of CPU time, {limits.wall_seconds:g} s in all" in text
    assert (
        f"{limits.memory_bytes // (1024 * mega)} GiB of address space, {limits.file_bytes // mega} MiB a file" in text
    )
