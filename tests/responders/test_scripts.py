import base64
import json
from pathlib import Path

import pytest

from assistants_emulator.errors import ScriptError
from assistants_emulator.responders.replies import (
    Cancel,
    Citation,
    CodeInterpreter,
    Expire,
    Fail,
    FileSearch,
    FunctionCall,
    Image,
    Incomplete,
    Pause,
    Refusal,
    SearchResult,
    Text,
    Usage,
    Wait,
)
from assistants_emulator.responders.rules import RuleBook
from assistants_emulator.responders.scripts.load import load_script
from assistants_emulator.responders.sources import END

FIXTURES = Path(__file__).parents[2] / "fixtures" / "scripts"
WEATHER = r"""version: 1
replies:
  - when: {message: "weather in (?P<city>\\w+)"}
    times: 1
    do:
      - function_call: {name: get_weather, arguments: {city: "{city}"}}
      - text: "{city}: {outputs[0]}"
  - do: [{text: "Ask me about the weather."}]
"""


def do(*actions):
    """The replies of a script with these actions."""
    return load_script({"version": 1, "replies": [{"do": list(actions)}]}).rules[0].source.actions


def mistake(source, **options):
    with pytest.raises(ScriptError) as caught:
        load_script(source, **options)
    assert "\n" not in str(caught.value)
    return str(caught.value)


def play(script, turn, *sent):
    """The replies of the script's rule for this turn; its steps are sent the values of `sent` in turn, then None."""
    book = RuleBook()
    book.set_script(script.rules)
    rule, turn.match = book.choose(turn)
    session, answers, said = rule.source.open(turn), [None, *sent], []
    while (step := session.send(answers.pop(0) if answers else None)) is not END:
        said.append(step)
    return said


@pytest.fixture
def mistake_in(tmp_path, monkeypatch):
    """The error of a script file with this text."""
    monkeypatch.chdir(tmp_path)

    def load(text, name="weather.yaml"):
        Path(name).write_text(text, encoding="utf-8")
        return mistake(name)

    return load


def test_a_script_answers_as_the_design_says(turn):
    said = play(load_script(WEATHER), turn("The weather in Oslo?"), ["4 C"])
    assert said == [FunctionCall("get_weather", {"city": "Oslo"}), Text("Oslo: 4 C")]


def test_a_rule_of_a_script_keeps_when_and_times():
    first, last = load_script(WEATHER).rules
    assert (first.times, first.condition.describe()) == (1, r"message matches 'weather in (?P<city>\w+)'")
    assert last.is_fallback


def test_yaml_json_text_and_object_are_the_same_script(tmp_path):
    raw = load_script(WEATHER).raw
    (tmp_path / "a.yaml").write_text(WEATHER)
    (tmp_path / "a.json").write_text(json.dumps(raw))
    assert load_script(tmp_path / "a.yaml").raw == load_script(str(tmp_path / "a.json")).raw == load_script(raw).raw


def test_a_script_is_kept_although_its_source_changes():
    put = {"version": 1, "replies": [{"do": [{"text": "a"}]}]}
    script = load_script(put)
    put["replies"].clear()
    assert script.raw == {"version": 1, "replies": [{"do": [{"text": "a"}]}]}


@pytest.mark.parametrize(
    ("action", "reply"),
    [
        ({"text": "a"}, Text("a")),
        (
            {"text": {"value": "ab", "citations": [{"file": "f", "quote": "q"}], "chunks": ["a", "b"]}},
            Text("ab", [Citation("f", "q")], ["a", "b"]),
        ),
        ({"refusal": "no"}, Refusal("no")),
        (
            {"text": {"value": "a", "then": {"fail": {"code": "rate_limit_exceeded", "message": "m"}}}},
            Text("a", then=Fail("rate_limit_exceeded", "m")),
        ),
        (
            {"text": {"value": "a", "then": {"incomplete": "content_filter"}}},
            Text("a", then=Incomplete("content_filter")),
        ),
        (
            {"function_call": {"name": "f", "then": {"expire": True}, "after": 5}},
            FunctionCall("f", then=Expire(), after=5),
        ),
        (
            {"function_calls": [{"name": "f"}, {"name": "g", "then": {"cancel": True}}]},
            [FunctionCall("f"), FunctionCall("g", then=Cancel())],
        ),
        ({"cancel": True}, Cancel()),
        ({"image_file": {"file_id": "file-1"}}, Image(file_id="file-1")),
        (
            {"image_file": {"content_base64": base64.b64encode(b"png").decode(), "filename": "a.png"}},
            Image(content=b"png", filename="a.png"),
        ),
        ({"code_interpreter": {"input": "1"}}, CodeInterpreter("1")),
        (
            {"code_interpreter": {"input": "1", "logs": "1", "images": [{"file_id": "file-1"}], "execute": True}},
            CodeInterpreter("1", "1", [Image(file_id="file-1")], execute=True),
        ),
        ({"file_search": {}}, FileSearch()),
        (
            {"file_search": {"query": "q", "max_num_results": 3, "results": [{"file": "f", "score": 1, "text": "t"}]}},
            FileSearch("q", 3, [SearchResult("f", 1, "t")]),
        ),
        ({"function_call": {"name": "f"}}, FunctionCall("f")),
        ({"function_call": {"name": "f", "arguments": "{}", "id": "call_1"}}, FunctionCall("f", "{}", "call_1")),
        ({"function_calls": [{"name": "f"}, {"name": "g"}]}, [FunctionCall("f"), FunctionCall("g")]),
        ({"wait": 1.5}, Wait(1.5)),
        ({"pause": True}, Pause()),
        ({"fail": {"code": "invalid_prompt", "message": "m"}}, Fail("invalid_prompt", "m")),
        ({"incomplete": "content_filter"}, Incomplete("content_filter")),
        ({"expire": True}, Expire()),
    ],
    ids=lambda value: next(iter(value)) if isinstance(value, dict) else "",
)
def test_every_action_is_its_reply(action, reply):
    assert do(action) == [reply]


def test_usage_follows_its_step():
    assert do({"text": "a"}, {"usage": {"prompt_tokens": 1, "completion_tokens": 2}}) == [Text("a"), Usage(1, 2)]


def test_an_image_path_is_relative_to_the_script(tmp_path):
    (tmp_path / "plot.png").write_bytes(b"png")
    (tmp_path / "a.yaml").write_text("version: 1\nreplies:\n  - do: [{image_file: {path: plot.png}}]\n")
    (image,) = load_script(tmp_path / "a.yaml").rules[0].source.actions
    assert (image.content, image.filename) == (b"png", "plot.png")


def test_a_script_from_the_network_may_name_no_paths():
    script = {"version": 1, "replies": [{"do": [{"image_file": {"path": "/etc/hostname"}}]}]}
    assert mistake(script, allow_paths=False) == (
        "script: replies[0].do[0].image_file.path: a script that came over the network cannot read files; "
        "use content_base64 or file_id"
    )


@pytest.mark.parametrize("source", ["/etc/hostname", ["version"], None], ids=["path", "list", "null"])
def test_a_script_from_the_network_is_an_object_or_text(source):
    assert mistake(source, allow_paths=False).startswith("script: must be an object with version, replies, not ")


RULE = "version: 1\nreplies:\n  - when: {message: a}\n    do:\n      - text: a\n"
ACTIONS = (
    "Actions: text, refusal, image_file, code_interpreter, file_search, function_call, function_calls, wait, pause, "
    "usage, fail, incomplete, expire"
)


@pytest.mark.parametrize(
    ("action", "message"),
    [
        ("txt: b", f": unknown action 'txt'; did you mean 'text'? {ACTIONS}"),
        ("xyz: b", f": unknown action 'xyz'. {ACTIONS}"),
        ("text", ": must be an object with one key, such as {text: STRING}, not 'text'"),
        ("text: yes", ".text: must be a string, not True (bool); put it in quotes"),
        ("text: 2024-01-01", ".text: must be a string, not datetime.date(2024, 1, 1) (date); put it in quotes"),
        ("text: [a]", ".text: must be a string, not ['a'] (list)"),
        ("text: {value: a, sitations: []}", ".text: unknown key 'sitations'; did you mean 'citations'? Keys: value, "),
        ("text: {value: a, citations: [{file: f}]}", ".text.citations[0]: quote is missing; it needs file, quote"),
        ("text: {value: a, chunks: [b]}", ".text.chunks: must join to the value 'a', not to 'b'"),
        ("pause: 1", ".pause: must be true, not 1 (int)"),
        ("wait: soon", ".wait: must be a number of seconds, 0 to 253402300799, not 'soon'"),
        ("fail: {code: oops}", ".fail.code: must be server_error or rate_limit_exceeded or invalid_prompt, not 'oops'"),
        (
            "incomplete: ~",
            ".incomplete: must be max_completion_tokens or max_prompt_tokens or content_filter, not None",
        ),
        ("function_call: {arguments: {}}", ".function_call: name is missing; it needs name"),
        (
            "function_call: {name: f, arguments: {a: 2024-01-01}}",
            ".function_call.arguments: must hold JSON values only",
        ),
        ("function_calls: []", ".function_calls: must hold at least one {name, arguments, id}"),
        ("image_file: {}", ".image_file: needs exactly one of path, content_base64 and file_id, and has none of them"),
        ("image_file: {file_id: a, path: b}", ".image_file: needs exactly one of path, content_base64 and file_id, "),
        ("image_file: {path: 5}", ".image_file.path: must be a path, not 5 (int)"),
        ("image_file: {content_base64: '*'}", ".image_file.content_base64: must be base64, not '*'"),
        ("image_file: {path: no.png}", ".image_file.path: must be a file that can be read, not 'no.png': No such file"),
        ("code_interpreter: {input: '1', images: a}", ".code_interpreter.images: must be a list, not 'a'"),
    ],
)
def test_a_mistake_in_an_action_names_line_key_path_and_what_would_be_right(mistake_in, action, message):
    assert mistake_in(f"{RULE}      - {action}\n").startswith(f"weather.yaml:6: replies[0].do[1]{message}")


@pytest.mark.parametrize(
    ("rule", "message"),
    [
        ("    times: 0", "[0].times: must be a whole number, 1 or more, not 0 (int)"),
        ("    times:", "[0].times: must be a whole number, 1 or more, not None"),
        ("    tmes: 1", "[0]: unknown key 'tmes'; did you mean 'times'? Keys: when, times, do"),
        (
            "  - {when: {message: '('}, do: [{text: a}]}",
            "[1].when.message: must be a regular expression, not '(': miss",
        ),
        ("  - {when: {mesage: a}, do: [{text: a}]}", "[1].when: unknown key 'mesage'; did you mean 'message'? Keys: "),
        ("  - {when: {}, do: [{text: a}]}", "[1].when: is empty; leave it out, or give some of message, assistant, "),
        ("  - {when: a, do: [{text: a}]}", "[1].when: must be an object with message, assistant, model, "),
        ("  - do: []", "[1].do: must hold at least one action, such as {text: STRING}"),
        ("  - times: 1", "[1]: needs do, a list of actions, or call"),
        ("  - do: [{usage: {prompt_tokens: 1, completion_tokens: 1}}]", "[1].do[0]: usage belongs to the step before"),
    ],
)
def test_a_mistake_in_a_rule_names_line_key_path_and_what_would_be_right(mistake_in, rule, message):
    assert mistake_in(f"{RULE}{rule}\n").startswith(f"weather.yaml:6: replies{message}")


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (f"{RULE}      - text:\n          value: a\n          chunks: [b]\n", "8: replies[0].do[1].text.chunks: must "),
        (f"{RULE}    times: 1\n    times: 2\n", "7: the key 'times' is given twice"),
        ("version: 2\nrules: []\n", "1: version: must be 1, not 2 (int)"),
        ("version: true\nreplies: []\n", "1: version: must be 1, not True (bool)"),
        ("replies: []\n", "1: version is missing; it needs version, replies"),
        ("version: 1\nreplies: {}\n", "2: replies: must be a list, not {} (dict)"),
        ("version: 1\nreplies: [\n", "3: is not YAML: "),
        ("version: 1\n---\nversion: 1\n", "2: is not YAML: but found another document"),
        ("version: 2024-13-45\n", " is not YAML: month must be in 1..12"),
        ("version: 1\nreplies: &a [*a]\n", "2: replies[0]: must be an object with when, times, do, call, not "),
        ("- a\n", "1: must be an object with version, replies, not ['a'] (list)"),
    ],
)
def test_a_mistake_in_the_file_names_its_line(mistake_in, text, message):
    assert mistake_in(text).startswith(f"weather.yaml:{message}")


def test_mistakes_in_json_name_their_line_too(mistake_in):
    text = '{"version": 1,\n "replies": [\n  {"do": [{"txt": "a"}]}]}'
    assert mistake_in(text, "a.json").startswith(
        "a.json:3: replies[0].do[0]: unknown action 'txt'; did you mean 'text'?"
    )


def test_json_that_yaml_cannot_read_has_key_paths_without_lines(mistake_in):
    text = '{\n\t"version": 1,\n\t"replies": [{"do": []}]}'
    assert mistake_in(text, "a.json").startswith("a.json: replies[0].do: must hold at least one action")


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ('{"version": 1,\n "version": 1}', "a.json:2: the key 'version' is given twice"),
        ('{\n\t"version": 1,\n\t"version": 1}', "a.json: the key 'version' is given twice"),
        ('{"version": 1,\n "replies": [,]}', "a.json:2: is not JSON: Expecting value, column 14"),
        ("[" * 100_000, "a.json: is not JSON: "),
    ],
    ids=["twice", "twice, with tabs", "syntax", "depth"],
)
def test_invalid_json_is_reported_by_line(mistake_in, text, message):
    assert mistake_in(text, "a.json").startswith(message)


def test_an_empty_file_is_an_error(mistake_in):
    assert mistake_in("# nothing\n") == "weather.yaml: is empty"


def test_a_missing_or_binary_file_is_an_error(tmp_path):
    (tmp_path / "a.yaml").write_bytes(b"version: \xff")
    assert mistake(tmp_path / "b.yaml") == f"{tmp_path / 'b.yaml'}: cannot be read: No such file or directory"
    assert mistake(tmp_path / "a.yaml") == f"{tmp_path / 'a.yaml'}: is not UTF-8: byte 9 is 0xff"


def test_yaml_tags_that_would_run_code_are_refused(mistake_in):
    assert "is not YAML" in mistake_in("version: !!python/object/apply:os.getcwd []\n")


def test_anchors_may_repeat_a_part_of_a_script():
    script = load_script("version: 1\nreplies:\n  - {when: {message: a}, do: &do [{text: hi}]}\n  - do: *do\n")
    assert script.rules[0].source.actions == script.rules[1].source.actions == [Text("hi")]


def test_the_math_tutor_solves_the_equation_of_the_guide(turn):
    said = play(load_script(FIXTURES / "math_tutor.yaml"), turn("I need to solve the equation `3x + 11 = 14`."))
    assert [type(step) for step in said] == [Text, CodeInterpreter, Text]
    assert "Jane Doe" in said[0].value
    assert said[1].logs == "[1]"
    assert "x = 1" in said[2].value


def test_the_math_tutor_asks_for_the_weather(turn):
    said = play(load_script(FIXTURES / "math_tutor.yaml"), turn("How is the weather in New York today?"), ["4 C"])
    assert said == [
        FunctionCall("get_weather", {"city": "New York"}),
        Text("The weather in New York: 4 C."),
    ]


def test_the_math_tutor_has_a_word_for_everything_else(turn):
    assert len(play(load_script(FIXTURES / "math_tutor.yaml"), turn("Hi"))) == 1
