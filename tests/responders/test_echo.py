from assistants_emulator.responders.replies import Text
from assistants_emulator.responders.sources import Echo


def test_the_echo_says_the_last_user_message(turn):
    assert list(Echo().start(turn("Hi there"))) == [Text("Echo: Hi there")]


def test_the_echo_answers_a_run_without_a_user_message(turn):
    assert list(Echo().start(turn(None))) == [Text("Echo: (no message)")]
