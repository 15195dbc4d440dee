"""Runs answered by a local chat completions server. The name below is public."""

from assistants_emulator.responders.chat.model import ChatModel

__all__ = ["ChatModel"]
