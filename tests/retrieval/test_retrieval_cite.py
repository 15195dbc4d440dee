from __future__ import annotations

from assistants_emulator.retrieval.citations import cited_text, marker


def test_a_citation_is_what_was_recorded() -> None:
    text, annotations = cited_text("Filip's favorite food is cake", [("file-1", "favorite_foods.txt")], 4)
    assert text == "Filip's favorite food is cake【4:0†favorite_foods.txt】"
    assert annotations == [
        {
            "type": "file_citation",
            "text": "【4:0†favorite_foods.txt】",
            "start_index": 29,
            "end_index": 53,
            "file_citation": {"file_id": "file-1"},
        }
    ]


def test_several_citations_follow_each_other() -> None:
    text, notes = cited_text("🙂é", [("file-1", "a.txt"), ("file-2", "b】.md"), ("file-1", "a.txt")])
    assert text == "🙂é【0:0†a.txt】【0:1†b】.md】【0:2†a.txt】"
    assert all(text[note["start_index"] : note["end_index"]] == note["text"] for note in notes)
    assert [note["file_citation"]["file_id"] for note in notes] == ["file-1", "file-2", "file-1"]


def test_markers_that_the_text_has_already_are_those_of_the_first_citations() -> None:
    text, notes = cited_text("Cake【4:0†source】, I think.", [("file-1", "a.txt"), ("file-2", "b.txt")], 4)
    assert text == "Cake【4:0†source】, I think.【4:1†b.txt】"
    assert [(note["text"], note["start_index"]) for note in notes] == [("【4:0†source】", 4), ("【4:1†b.txt】", 26)]


def test_without_citations_the_text_is_the_value() -> None:
    assert cited_text("Hello", []) == ("Hello", [])


def test_a_marker_names_message_number_and_file() -> None:
    assert marker(4, 1, "a.txt") == "【4:1†a.txt】"
