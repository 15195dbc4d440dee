"""The API as `OpenAI-Beta: assistants=v1` showed it: other rows, over the same stored objects.

A body of v1 is translated into one of v2, v2's operation does the work, and its result is shown in v1's shape.
"""

from assistants_emulator.v1.routes import ROUTES

__all__ = ["ROUTES"]
