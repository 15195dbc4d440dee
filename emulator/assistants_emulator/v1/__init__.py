"""The API as `OpenAI-Beta: assistants=v1` showed it: other rows, over the same stored objects.

What v1 says is put into v2's words, v2's operation does the work, and its result is shown in v1's shape.
"""

from assistants_emulator.v1.routes import ROUTES

__all__ = ["ROUTES"]
