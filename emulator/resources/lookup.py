"""Finding what a request names, and what the API answers when there is no such thing.

An id's prefix is looked at only after the lookup missed: a known id is always served, whatever it looks like.
"""

from __future__ import annotations

from dataclasses import dataclass

from emulator.context import Context
from emulator.errors import no_such, wrong_prefix
from emulator.store import Object


@dataclass(frozen=True, slots=True)
class Kind:
    """`word` is the API's name for it in a 404, `prefix` what a 400 says its ids begin with (behaviour section 3)."""

    table: str
    word: str
    prefix: str


ASSISTANT = Kind("assistants", "assistant", "asst")
THREAD = Kind("threads", "thread", "thread")
MESSAGE = Kind("messages", "message", "msg")
RUN = Kind("runs", "run", "run")
STEP = Kind("steps", "run step", "step")
FILE = Kind("files", "file", "file")
UPLOAD = Kind("uploads", "upload", "upload")
PART = Kind("parts", "part", "part")
VECTOR_STORE = Kind("vector_stores", "vector store", "vs_")
VECTOR_STORE_FILE = Kind("vector_store_files", "file", "file")
FILE_BATCH = Kind("vector_store_file_batches", "file batch", "vsfb_")


def require(context: Context, kind: Kind, id: str, param: str, **belongs: str) -> Object:
    """The object of that id; `belongs` names the fields that must say so, as in `thread_id="thread_1"`.

    `param` is the parameter that held the id. 400 for an unknown id of another kind's prefix, 404 for any other.
    """
    found = context.store.get(kind.table, id)
    if found is not None and all(found.get(field) == parent for field, parent in belongs.items()):
        return found
    if not id.startswith(kind.prefix):
        raise wrong_prefix(param, id, kind.prefix, kind.word)
    raise no_such(kind.word, id)


def require_thread(context: Context, thread_id: str) -> Object:
    return require(context, THREAD, thread_id, "thread_id")


def require_run(context: Context, thread_id: str, run_id: str) -> Object:
    require_thread(context, thread_id)
    return require(context, RUN, run_id, "run_id", thread_id=thread_id)
