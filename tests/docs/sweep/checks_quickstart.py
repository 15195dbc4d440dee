import quickstart


def test_an_equation_is_solved(assistants_emulator):
    assistants_emulator.respond("x = 1")
    assert quickstart.solve("Solve 3x + 11 = 14.").data[0].role == "assistant"
