"""The table of the inspector's pages: method, path below `/_emulator/`, handler."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import dataclass

from starlette.responses import Response

from assistants_emulator.inspector import (
    actions,
    calls,
    compare,
    controls,
    exports,
    files,
    home,
    lists,
    live,
    objects,
    play,
    playground,
    responses,
    seat_actions,
)

Handler = Callable[..., Response | Awaitable[Response]]

OF_PROJECT = ("projects", "{project}")


@dataclass(frozen=True, slots=True)
class Row:
    """`path` is in segments; one like `{run_id}` matches any segment, which the handler gets by that name."""

    method: str
    path: tuple[str, ...]
    handler: Handler
    is_open: bool = False
    """The page needs no key."""
    has_form: bool = True
    """The body of a POST is a form, and is read before the handler is called."""

    def match(self, method: str, segments: tuple[str, ...]) -> dict[str, str] | None:
        """The named segments, or None for another page."""
        if method != self.method or len(segments) != len(self.path):
            return None
        pairs = list(zip(self.path, segments, strict=True))
        if any(pattern != segment for pattern, segment in pairs if not pattern.startswith("{")):
            return None
        return {pattern[1:-1]: segment for pattern, segment in pairs if pattern.startswith("{")}


def _of_project(method: str, path: str, handler: Handler, has_form: bool = True) -> Row:
    return Row(method, (*OF_PROJECT, *filter(None, path.split("/"))), handler, has_form=has_form)


ROWS = (
    Row("GET", ("",), home.index),
    Row("GET", ("sign-in",), home.sign_in_page, is_open=True),
    Row("POST", ("sign-in",), home.sign_in, is_open=True),
    Row("POST", ("theme",), home.set_theme, is_open=True),
    _of_project("GET", "", home.overview),
    _of_project("GET", "live", live.live),
    _of_project("GET", "go", lists.go),
    _of_project("GET", "playground", playground.playground),
    _of_project("POST", "playground/assistants", playground.create_assistant),
    _of_project("POST", "playground/settings", playground.save_settings),
    _of_project("POST", "playground/branch", playground.branch),
    _of_project("GET", "play", play.play),
    _of_project("POST", "play", play.switch),
    _of_project("GET", "play/{turn_id}", play.seat),
    _of_project("POST", "play/{turn_id}", seat_actions.say),
    _of_project("POST", "play/{turn_id}/chunk", seat_actions.chunk),
    _of_project("POST", "reset", actions.reset),
    _of_project("POST", "delete", actions.delete_project),
    _of_project("GET", "state", actions.download_state),
    _of_project("POST", "state", actions.load_state, has_form=False),
    _of_project("GET", "assistants", lists.assistants),
    _of_project("GET", "assistants/{assistant_id}", objects.assistant),
    _of_project("POST", "assistants/{assistant_id}", actions.modify_assistant),
    _of_project("POST", "assistants/{assistant_id}/delete", actions.delete_assistant),
    _of_project("GET", "threads", lists.threads),
    _of_project("GET", "threads/{thread_id}", objects.thread),
    _of_project("POST", "threads/{thread_id}", actions.modify_thread),
    _of_project("POST", "threads/{thread_id}/delete", actions.delete_thread),
    _of_project("GET", "threads/{thread_id}/export/{form}", exports.thread_export),
    _of_project("GET", "threads/{thread_id}/messages/{message_id}", objects.message),
    _of_project("GET", "threads/{thread_id}/runs/{run_id}", objects.run),
    _of_project("GET", "threads/{thread_id}/runs/{run_id}/export/{form}", exports.run_export),
    _of_project("POST", "threads/{thread_id}/runs/{run_id}/outputs", objects.submit),
    _of_project("POST", "threads/{thread_id}/runs/{run_id}/cancel", objects.cancel),
    _of_project("POST", "threads/{thread_id}/runs/{run_id}/resume", objects.resume),
    _of_project("GET", "runs", lists.runs),
    _of_project("GET", "files", files.files),
    _of_project("GET", "files/{file_id}", files.file),
    _of_project("POST", "files/{file_id}/delete", actions.delete_file),
    _of_project("GET", "files/{file_id}/image", files.image),
    _of_project("GET", "vector_stores", files.stores),
    _of_project("GET", "vector_stores/{store_id}", files.store),
    _of_project("GET", "responses", responses.responses),
    _of_project("GET", "responses/{response_id}", responses.response),
    _of_project("GET", "conversations", responses.conversations),
    _of_project("GET", "conversations/{conversation_id}", responses.conversation),
    _of_project("GET", "containers", responses.containers),
    _of_project("GET", "containers/{container_id}", responses.container),
    _of_project("GET", "compare", compare.compare),
    _of_project("POST", "vector_stores/{store_id}/delete", actions.delete_store),
    _of_project("GET", "requests", calls.calls),
    _of_project("GET", "requests/{number}", calls.call),
    _of_project("GET", "controls", controls.controls),
    _of_project("POST", "controls/advance", controls.advance),
    _of_project("POST", "controls/set", controls.set_clock),
    _of_project("POST", "controls/faults", controls.add_fault),
    _of_project("POST", "controls/faults/clear", controls.clear_faults),
    _of_project("POST", "controls/faults/{number}/remove", actions.remove_fault),
    _of_project("POST", "controls/script", actions.set_script),
)
