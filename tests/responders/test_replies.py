import dataclasses
from types import SimpleNamespace

import pytest

import assistants_emulator.responders as responders
from assistants_emulator.errors import ScriptError
from assistants_emulator.responders.replies import (
    Citation,
    CodeInterpreter,
    Fail,
    FileSearch,
    FunctionCall,
    Image,
    Incomplete,
    Pause,
    SearchResult,
    Text,
    Usage,
    Wait,
    as_replies,
    as_reply,
)

OSLO = FunctionCall("get_weather", {"city": "Oslo"})
ROME = FunctionCall("get_weather", {"city": "Rome"})


def test_every_exported_name_exists():
    assert [name for name in responders.__all__ if not hasattr(responders, name)] == []


def test_replies_are_equal_by_value_and_cannot_change():
    reply = Text("hi", chunks=["h", "i"])
    assert reply == Text("hi", (), ("h", "i"))
    with pytest.raises(dataclasses.FrozenInstanceError):
        reply.value = "ho"


def test_chunks_that_do_not_join_to_the_value_are_refused():
    with pytest.raises(ScriptError, match=r"^Text.chunks must join to the value 'hello', not to 'hell'$"):
        Text("hello", chunks=["he", "ll"])


@pytest.mark.parametrize(
    "citation",
    [Citation("a.txt", "q"), {"file": "a.txt", "quote": "q"}, SimpleNamespace(file_id="a.txt", text="q")],
    ids=["a Citation", "an object", "a search result"],
)
def test_a_text_may_cite(citation):
    assert Text("hi", citations=[citation]).citations == (Citation("a.txt", "q"),)


@pytest.mark.parametrize("citation", ["a.txt", {"file": "a.txt"}, {"file": "a", "quote": "q", "page": 1}, 5])
def test_other_citations_are_refused(citation):
    with pytest.raises(ScriptError, match=r"Text.citations must hold objects \{file, quote\}, not "):
        Text("hi", citations=[citation])


@pytest.mark.parametrize(
    "result",
    [
        SearchResult("a.txt", 0.5, "t"),
        {"file": "a.txt", "score": 0.5, "text": "t"},
        SimpleNamespace(file_id="a.txt", score=0.5, text="t"),
    ],
    ids=["a SearchResult", "an object", "a search result"],
)
def test_a_file_search_may_be_given_its_results(result):
    assert FileSearch(results=[result]).results == (SearchResult("a.txt", 0.5, "t"),)


def test_a_file_search_without_results_differs_from_one_that_found_nothing():
    assert FileSearch().results is None
    assert FileSearch(results=[]).results == ()


def test_an_image_is_read_from_its_path_at_once(tmp_path):
    (tmp_path / "plot.png").write_bytes(b"png")
    image = Image(tmp_path / "plot.png")
    (tmp_path / "plot.png").unlink()
    assert (image.content, image.filename) == (b"png", "plot.png")


def test_an_image_path_that_cannot_be_read_is_refused(tmp_path):
    with pytest.raises(ScriptError, match=r"^Image.path must be a file that can be read, .*No such file"):
        Image(tmp_path / "none.png")


@pytest.mark.parametrize("fields", [{}, {"content": b"x", "file_id": "file-1"}], ids=["none", "two"])
def test_an_image_has_exactly_one_of_its_forms(fields):
    with pytest.raises(ScriptError, match="exactly one of path, content and file_id"):
        Image(**fields)


def test_lists_of_images_become_tuples():
    image = Image(file_id="file-1")
    assert CodeInterpreter("1", images=[image], files=[image]).images == (image,)


def test_arguments_are_shown_as_compact_json():
    assert (
        FunctionCall("f", {"city": "Tromsø", "days": [1, None]}).arguments_json() == '{"city":"Tromsø","days":[1,null]}'
    )
    assert FunctionCall("f").arguments_json() == "{}"


def test_arguments_given_as_a_string_are_taken_as_they_stand():
    assert FunctionCall("f", '{"city": ').arguments_json() == '{"city": '


@pytest.mark.parametrize("value", [{1, 2}, float("nan"), object()])
def test_arguments_that_are_not_json_are_refused(value):
    with pytest.raises(ScriptError, match=r"^FunctionCall.arguments must hold JSON values only: "):
        FunctionCall("f", {"x": value})


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: Text(5), "Text.value must be a string, not 5 (int)"),
        (lambda: Text("a", chunks="a"), "Text.chunks must be a list, each item a string or None, not 'a'"),
        (lambda: FunctionCall(""), "FunctionCall.name must be a string that is not empty, not ''"),
        (lambda: Wait(-1), "Wait.seconds must be a number of seconds, 0 to 253402300799, not -1 (int)"),
        (lambda: Wait(float("nan")), "Wait.seconds must be a number of seconds, 0 to 253402300799, not nan (float)"),
        (lambda: Wait(True), "Wait.seconds must be a number of seconds, 0 to 253402300799, not True (bool)"),
        (lambda: Usage(10, 2.5), "Usage.completion_tokens must be a whole number, 0 or more, not 2.5 (float)"),
        (lambda: Fail("oops"), "Fail.code must be server_error or rate_limit_exceeded or invalid_prompt, not 'oops'"),
        (lambda: CodeInterpreter("1", images=["a.png"]), "CodeInterpreter.images must be a list, each item an Image, "),
        (lambda: FileSearch(max_num_results=0), "FileSearch.max_num_results must be a whole number, 1 or more or None"),
    ],
)
def test_a_mistake_names_field_value_and_what_would_be_right(make, message):
    with pytest.raises(ScriptError) as caught:
        make()
    assert str(caught.value).startswith(message)


def test_the_default_reason_of_incomplete_is_its_tokens():
    assert Incomplete() == Incomplete("max_completion_tokens")


def test_a_string_is_a_text():
    assert as_replies("hi") == [Text("hi")]


def test_a_list_is_what_one_run_does_in_order():
    assert as_replies(["hi", OSLO, ROME, Pause()]) == [Text("hi"), OSLO, ROME, Pause()]


def test_a_list_of_calls_within_a_list_is_parallel():
    assert as_replies([[OSLO, ROME], "done"]) == [[OSLO, ROME], Text("done")]


@pytest.mark.parametrize("said", [[OSLO, ROME], (OSLO, ROME)], ids=["list", "tuple"])
def test_a_list_of_calls_is_parallel(said):
    assert as_reply(said) == [OSLO, ROME]


@pytest.mark.parametrize("said", [None, 5, [], ["a"], [OSLO, "a"], Pause, {"text": "a"}])
def test_a_value_that_is_no_reply_is_refused(said):
    with pytest.raises(ScriptError, match=r"^a responder cannot say .*; expected text, a reply such as Text"):
        as_reply(said)


def test_returning_nothing_is_an_error():
    with pytest.raises(ScriptError, match=r"^responder 'weather' returned nothing; expected text"):
        as_replies(None, "responder 'weather'")


def test_an_empty_list_of_replies_is_refused():
    with pytest.raises(ScriptError, match="gave an empty list"):
        as_replies([])
