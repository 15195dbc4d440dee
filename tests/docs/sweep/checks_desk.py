import desk

from assistants_emulator import FunctionCall, Text

FUNCTION = {"name": "get_order_status", "parameters": {"type": "object", "properties": {"order": {"type": "string"}}}}


def test_an_order_is_looked_up(assistants_emulator):
    assistants_emulator.add_assistant("asst_desk", tools=[{"type": "function", "function": FUNCTION}])
    assistants_emulator.respond([FunctionCall("get_order_status", {"order": "1001"}), Text("Order 1001 is shipped.")])

    answer = desk.ask("Where is order 1001?")

    assert answer in ("Order 1001 is shipped.", desk.SORRY)
