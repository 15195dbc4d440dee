from assistants_emulator.responders.replies import Text
from assistants_emulator.responders.sources import Echo


def test_the_echo_says_the_last_user_message(turn):
    assert list(Echo().start(turn("Hi there"))) == [Text("Echo: Hi there")]


def test_the_echo_answers_where_the_user_said_nothing(turn):
    assert list(Echo().start(turn(None))) == [Text("Echo: (no message)")]
