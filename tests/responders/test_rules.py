import re

import pytest

from assistants_emulator.errors import ScriptError
from assistants_emulator.responders.rules import Rule, RuleBook, When
from assistants_emulator.responders.sources import Listed, as_source


def rule(label, **options):
    return Rule(as_source(label), label=label, **options)


def book(*python, script=()):
    made = RuleBook()
    for each in python:
        made.add(each)
    made.set_script(script)
    return made


def chosen(rules, turn):
    """The labels of the rules that answer runs like this one, up to five runs."""
    found = [rules.choose(turn) for _ in range(5)]
    return [pair[0].label if pair else None for pair in found]


def test_a_pattern_is_searched_in_the_last_user_message(turn):
    match = When.of(r"weather in (?P<city>\w+)").match(turn("Tell me the weather in Oslo"))
    assert match["city"] == "Oslo"


def test_a_compiled_pattern_keeps_its_flags(turn):
    assert When.of(re.compile("HELLO", re.IGNORECASE)).match(turn("hello"))


def test_a_caret_is_the_start_of_the_message_not_of_a_line(turn):
    assert not When.of("^two").match(turn("one\ntwo"))


def test_no_pattern_matches_a_run_without_a_user_message(turn):
    assert not When.of(".*").match(turn(None))


@pytest.mark.parametrize(
    ("condition", "holds"),
    [
        ({"assistant": "Math Tutor"}, True),
        ({"assistant": "asst_1"}, True),
        ({"assistant": "Math"}, False),
        ({"model": "gpt-4o"}, True),
        ({"model": "gpt-4"}, False),
        ({"instructions": "kind"}, True),
        ({"instructions": "rude"}, False),
        ({"metadata": {"team": "north"}}, True),
        ({"metadata": {"team": "south"}}, False),
        ({"metadata": {"team": "north", "x": "y"}}, False),
        ({"message": "Hello", "model": "gpt-4o"}, True),
        ({"message": "Hello", "model": "gpt-4"}, False),
    ],
)
def test_all_keys_of_a_dict_must_hold(turn, condition, holds):
    assert bool(When.of(condition).match(turn())) is holds


def test_the_match_of_the_message_comes_before_that_of_the_instructions(turn):
    assert When.of({"instructions": "kind", "message": "Hel+o"}).match(turn())[0] == "Hello"


def test_a_function_of_the_turn_decides_and_may_return_a_match(turn):
    when = When.of(lambda turn: re.search("(?P<first>H)", turn.said))
    assert when.match(turn())["first"] == "H"
    assert not when.match(turn("no"))


def test_a_run_without_metadata_or_instructions_is_no_error(turn):
    bare = turn(run={"model": "gpt-4o", "metadata": None}, instructions=None)
    assert not When.of({"metadata": {"a": "b"}}).match(bare)
    assert not When.of({"instructions": "kind"}).match(bare)


@pytest.mark.parametrize(
    ("condition", "message"),
    [
        ("(", "when.message must be a regular expression, not '(': missing )"),
        ({"mesage": "a"}, "when: unknown key 'mesage'; did you mean 'message'? Keys: message, assistant, model, "),
        ({"message": 5}, "when.message must be a pattern, not 5 (int)"),
        ({"model": None}, "when.model must be a string that is not empty, not None"),
        ({"metadata": {"n": 1}}, "when.metadata must be an object of strings, not {'n': 1} (dict)"),
        ({}, "when is empty; leave it out, or give some of message, assistant, model, "),
        (re.compile(b"a"), "when.message must be a pattern, not re.compile(b'a') (Pattern)"),
        (5, "when must be a pattern, an object or a function of the turn, not 5 (int)"),
    ],
)
def test_a_condition_that_cannot_be_used_is_refused(condition, message):
    with pytest.raises(ScriptError) as caught:
        When.of(condition)
    assert str(caught.value).startswith(message)


def test_a_condition_describes_itself():
    when = When.of({"message": r"in (?P<city>\w+)", "model": "gpt-4o", "metadata": {"a": "b"}})
    assert when.describe() == r"message matches 'in (?P<city>\w+)' and model is 'gpt-4o' and metadata has {'a': 'b'}"


def test_an_empty_book_echoes(turn):
    found, match = RuleBook().choose(turn())
    assert (found.id, match) == ("echo", None)


def test_rules_are_tried_in_order_of_registration(turn):
    assert chosen(book(rule("a", when="Hello"), rule("b", when="Hel")), turn())[0] == "a"


def test_a_rule_is_used_up_after_its_times(turn):
    rules = book(rule("a", times=2), rule("b", times=1))
    assert chosen(rules, turn()) == ["a", "a", "b", None, None]


def test_python_comes_before_the_script_and_fallbacks_come_last(turn):
    rules = book(
        rule("python fallback"),
        rule("python", times=1),
        script=[rule("script fallback"), rule("script", when="Hello", times=1)],
    )
    assert chosen(rules, turn()) == ["python", "script", "python fallback", "python fallback", "python fallback"]


def test_the_newest_fallback_wins(turn):
    assert chosen(book(rule("old"), rule("new")), turn())[0] == "new"
    assert chosen(book(script=[rule("old"), rule("new")]), turn())[0] == "new"


def test_a_rule_of_an_assistant_is_no_fallback(turn):
    rules = book(rule("tutor's", assistant="Math Tutor"), rule("fallback"))
    assert chosen(rules, turn())[0] == "tutor's"
    assert chosen(rules, turn(assistant={"id": "asst_2", "name": None}))[0] == "fallback"


def test_the_chosen_rule_comes_with_its_match(turn):
    found, match = book(rule("a", when="(?P<word>Hel+o)")).choose(turn())
    assert (found.label, match["word"]) == ("a", "Hello")


def test_replacing_the_script_leaves_python_rules_and_their_uses(turn):
    rules = book(rule("python", times=1), script=[rule("old")])
    assert chosen(rules, turn())[:2] == ["python", "old"]
    rules.set_script([rule("new")])
    assert chosen(rules, turn())[0] == "new"


def test_one_script_serves_several_books(turn):
    script = [rule("once", times=1)]
    assert [chosen(book(script=script), turn())[:2] for _ in range(2)] == [["once", None], ["once", None]]


def test_rules_are_found_again_by_their_ids():
    rules = book(rule("a"), rule("b"), script=[rule("c")])
    found = [rules.find(id) for id in ("python:1", "script:0", "echo", "python:2")]
    assert [each and each.label for each in found] == ["b", "c", "built-in echo", None]


def test_a_cleared_book_echoes_again(turn):
    rules = book(rule("a"), script=[rule("b")])
    rules.clear()
    assert chosen(rules, turn())[0] == "built-in echo"


def test_a_rule_that_was_found_again_tells_the_match_or_none(turn):
    rules = book(rule("a", when="Hel+o"), rule("b"), rule("c", when=lambda turn: True))
    assert [rules.find(f"python:{index}").match(turn()) and "match" for index in range(3)] == ["match", None, None]


def test_a_book_knows_whether_choosing_calls_user_code():
    assert book(rule("a", when=lambda turn: True)).asks_user_code
    assert not book(rule("a", when="b"), rule("c")).asks_user_code


def test_unused_tells_of_times_left_over(turn):
    rules = book(rule("a", when="Hello", times=2), rule("b", times=1), rule("c"))
    rules.choose(turn())
    assert rules.unused() == [
        "a: message matches 'Hello' (used 1 of 2 times)",
        "b: any run (used 0 of 1 times)",
    ]


def test_explain_tells_what_was_asked_and_what_each_rule_wanted(turn):
    rules = book(rule("a", when="weather", assistant="Cook"), rule("b", times=1), rule("c", when=lambda turn: False))
    rules.choose(turn())
    asked, *wanted = rules.explain(turn()).splitlines()
    assert "last user message 'Hello', assistant 'Math Tutor', model 'gpt-4o'" in asked
    assert wanted == [
        "- a: message matches 'weather' and assistant is 'Cook'; but message is 'Hello' and assistant is 'Math Tutor'",
        "- b: any run; used up (1 of 1 times)",
        "- c: <lambda>(turn) is true; but the function said no",
    ]


def test_explain_calls_no_function_again(turn):
    asked = []
    rules = book(rule("a", when=asked.append))
    rules.choose(turn())
    rules.explain(turn())
    assert len(asked) == 1


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"times": 0}, "Rule.times must be a whole number, 1 or more or None, not 0"),
        ({"assistant": 5}, "Rule.assistant must be a string"),
        ({"live": "yes"}, "Rule.live must be true or false"),
        ({"assistant": "a", "when": {"assistant": "b"}}, "the assistant is given twice"),
    ],
)
def test_a_rule_that_cannot_be_used_is_refused(options, message):
    with pytest.raises(ScriptError, match=re.escape(message)):
        Rule(Listed([]), **options)
