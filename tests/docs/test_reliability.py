"""Each sentence of docs/reliability.md that promises something, and the test that shows it."""

from __future__ import annotations

import re

import pytest
from promises import check_all_used, check_shown, page, section, sentences

from assistants_emulator.config import DEFAULT_LOADED
from assistants_emulator.project.request_log import MOST_BYTES, MOST_REQUESTS, MOST_SERVER_BYTES
from assistants_emulator.turns.invocation import MOST_KEPT, MOST_WITH_LOCALS

PAGE = page("reliability.md")
NO_PROMISES = (
    "Tests: ",
    "In pytest:",
    "Responders, the functions and patterns of `when`",
    "Some things cannot be contained",
)
KILL, CRASH, DISK = "store/test_store_kill", "store/test_store_crashes", "hostile/test_disk"
GONE, BACKGROUND, TURNS = "store/test_store_gone", "store/test_store_background", "api/test_loop_turns"
DAMAGE, REPAIR, STATE = "store/test_store_damage", "store/test_store_repair", "control/test_state_stream"
PROJECTS = "api/test_many_projects"
READING, CLOCK, REQUESTS = "resources/test_vector_stores_reading", "api/test_clock", "control/test_requests"
FAILURES = "responders/test_failures_bounded"
HOSTILE, PATTERNS, STOPS = "runs/test_hostile_responders", "runs/test_slow_patterns", "cli/test_stopping"
PLUGIN, APART = "pytest_plugin/test_plugin_hostile", "retrieval/test_retrieval_apart"
# the beginning of a sentence: the tests that show it; a benchmark's file shows figures
SHOWN_BY = {
    "These hold with a data directory": f"{KILL}:test_a_killed_process_loses_nothing_that_it_acknowledged",
    "A change that was answered is kept": f"{CRASH}:test_no_commit_is_lost_by_a_kill_at_any_call",
    "A power failure may lose": "store/test_store_journal:test_only_a_checkpoint_forces_bytes_onto_the_disk",
    "Replacing all objects, by a reset": f"{CRASH}:test_a_kill_at_any_call_leaves_the_old_objects_or_the_new_ones",
    "A change that the disk refuses": f"{DISK}:test_a_full_disk_is_an_error_and_nothing_is_half_done",
    "A directory that is deleted": f"{GONE}:test_an_upload_to_a_directory_that_is_gone_is_an_error_and_makes_none",
    "One process at a time": "store/test_store_lock:test_a_deleted_lock_file_lets_no_second_process_in",
    "Deleting a thread": f"{TURNS}:test_a_thread_under_deletion_is_gone_for_others",
    "A kill in the middle": f"{TURNS}:test_objects_without_a_parent_are_dropped_when_a_directory_is_used_again",
    "A checkpoint is written beside": f"{BACKGROUND}:test_commits_go_on_during_a_checkpoint",
    "Requests are answered while": f"{TURNS}:test_requests_are_answered_while_chunks_are_indexed",
    "The longest gap of the server's loop": "benchmarks/stalls:stalls",
    "A single object of more than 16 MB": f"{STATE}:test_a_state_above_the_bound_of_other_bodies_can_be_put",
    "A project that is not in memory": "store/test_store_unload:test_committed_objects_are_found_after_an_unload",
    "A state may have any size": f"{STATE}:test_a_state_is_sent_and_read_in_turns",
    "A reset while a state": f"{STATE}:test_a_reset_while_a_state_is_read_comes_after_it",
    "A download, or a state": f"{STATE}:test_a_file_that_is_deleted_while_the_state_is_sent_is_sent_whole",
    "A request during a reset": f"{READING}:test_a_store_that_is_gone_while_it_is_read_is_not_found",
    "A server answers from the moment": "api/test_starting:test_a_request_at_the_moment_of_listening_is_answered",
    "What should have expired": f"{CLOCK}:test_a_request_after_a_sleep_finds_expired_what_is_due",
    "Every line of a journal": f"{DAMAGE}:test_a_damaged_last_line_with_its_newline_is_an_error",
    "Lines that are missing": f"{DAMAGE}:test_missing_lines_are_an_error_at_the_line_after_them",
    "A flip of any bit": f"{DAMAGE}:test_a_flip_of_any_byte_of_the_journal_is_an_error",
    "`db.json` can be opened": f"{DAMAGE}:test_commits_go_on_after_stock_tinydb_gave_numbers",
    "`serve --repair` keeps": f"{REPAIR}:test_lines_after_a_damaged_one_are_put_aside",
    "It tells what is lost": f"{REPAIR}:test_a_damaged_table_name_is_reported",
    "A repair never writes over": f"{REPAIR}:test_broken_files_are_numbered",
    "A repair that is killed": f"{CRASH}:test_a_repair_that_is_killed_at_any_call_can_be_repeated",
    "A project keeps its newest": f"{REQUESTS}:test_the_logs_of_a_server_share_a_bound_and_the_longest_gives_way",
    "`dropped` counts the others": f"{REQUESTS}:test_a_log_is_bounded_in_bytes",
    "A project keeps the newest": f"{FAILURES}:test_the_newest_are_kept_and_the_others_counted",
    "With a data directory the objects": f"{PROJECTS}:test_objects_are_there_when_their_project_is_used_again",
    "What was deleted, ended": "hostile/test_memory:test_rounds_of_calls_leave_no_objects",
    "`tests/benchmarks/soak.py` shows": "benchmarks/soak:main",
    "It has failing runs": "benchmarks/soaking:round_of_calls",
    "Whatever a responder raises": f"{HOSTILE}:test_whatever_a_responder_raises_fails_its_run",
    "That holds for `SystemExit`": f"{HOSTILE}:test_the_text_of_what_was_raised_is_in_the_runs_error",
    "What a condition, or a value": f"{HOSTILE}:test_whatever_a_value_raises_fails_its_run",
    "A responder that raises when it is left": f"{HOSTILE}:test_whatever_a_left_responder_raises_is_a_failure",
    "A lone surrogate in a text": f"{HOSTILE}:test_texts_are_stored_well_formed",
    "An async responder that stops": f"{HOSTILE}:test_a_stopped_loop_of_async_responders_goes_on",
    "An async responder that blocks": f"{HOSTILE}:test_a_blocked_async_responder_does_not_hold_up_the_next",
    "A project whose responders block": f"{STOPS}:test_a_project_that_blocks_its_threads_holds_up_no_other",
    "A pattern that takes more": f"{PATTERNS}:test_a_pattern_that_takes_too_long_fails_the_run",
    "Other requests are answered meanwhile": f"{PATTERNS}:test_a_pattern_that_takes_too_long_fails_the_run",
    "Patterns and schemas that are cheap": f"{PATTERNS}:test_usual_patterns_are_searched_for_at_once",
    "`pytest.fail`, `pytest.skip`": f"{PLUGIN}:test_xfail_in_a_responder_is_that_of_its_test",
    "`SystemExit`, `KeyboardInterrupt`": f"{PLUGIN}:test_what_would_end_the_session_is_an_error_of_its_test",
    "The session ends though": f"{PLUGIN}:test_every_other_test_passes_and_the_session_ends",
    "A `when` function that never returns": f"{HOSTILE}:test_a_condition_that_never_returns_holds_up_its_project_only",
    "SIGTERM and Ctrl-C do not wait": f"{STOPS}:test_a_signal_does_not_wait_for_user_code",
    "What is left behind is named": f"{STOPS}:test_a_signal_does_not_wait_for_user_code",
    "What was acknowledged is on disk": f"{STOPS}:test_what_is_left_behind_is_stored",
    "Executed code is ended": f"{STOPS}:test_executed_code_is_ended",
    "A second signal ends": f"{STOPS}:test_a_second_signal_ends_it_at_once",
    "A call that the disk refuses": f"{DISK}:test_a_full_disk_is_an_error_and_nothing_is_half_done",
    "A run that met a full disk": f"{DISK}:test_a_run_that_the_disk_stopped_goes_on_once_there_is_room",
    "It can be cancelled": f"{DISK}:test_a_run_that_the_disk_stopped_can_be_cancelled",
    "That holds for a run that is over": f"{DISK}:test_a_run_whose_end_a_full_disk_holds_back_can_be_cancelled",
    "PDF, Word and PowerPoint files": f"{APART}:test_a_helper_has_a_limit_on_memory",
    "One that takes more fails": f"{APART}:test_a_document_that_takes_too_long_is_refused",
    "A helper does not see": f"{APART}:test_a_helper_does_not_see_the_environment",
    "XML in encodings other": f"{APART}:test_xml_of_other_encodings_is_refused",
}


@pytest.mark.parametrize("sentence", sentences(PAGE, NO_PROMISES))
def test_each_sentence_has_a_test(sentence: str) -> None:
    check_shown(sentence, SHOWN_BY)


def test_no_test_is_named_for_a_sentence_that_is_gone() -> None:
    check_all_used(PAGE, SHOWN_BY)


def test_the_figures_are_those_of_the_code() -> None:
    memory = section(PAGE, "Memory")
    megabytes = [int(number) for number in re.findall(r"(\d+) MB", memory)]
    assert megabytes == [MOST_BYTES >> 20, MOST_SERVER_BYTES >> 20]
    assert f"{MOST_REQUESTS:,} requests" in memory
    assert memory.count(f"newest {MOST_KEPT:,}") == 2
    assert f"{MOST_WITH_LOCALS} failures with the variables" in re.sub(r"\s+", " ", memory)
    assert f"the {DEFAULT_LOADED} most recently used projects" in memory
