"""Containers: the places where the code interpreter of responses works, and the files in them.

A container ends 20 minutes after its last use by the project's clock; what was in it is gone then.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from assistants_emulator.contract import ListQuery
from assistants_emulator.contract.conversations import CONTAINER_MINUTES, CreateContainer, CreateContainerFile
from assistants_emulator.contract.files import MAX_FILE_BYTES, missing_property
from assistants_emulator.errors import InvalidParameter, NotFound
from assistants_emulator.object_kinds import CONTAINER, CONTAINER_FILE
from assistants_emulator.resources import views
from assistants_emulator.resources.context import Context
from assistants_emulator.resources.files import require_file
from assistants_emulator.resources.lookup import page
from assistants_emulator.resources.route import RESPONSES_WIRE, Download, Form, FormRule, Route
from assistants_emulator.store import Event, Object, Page

FOLDER = "/mnt/data/"
MINUTE = 60
Puts = list[tuple[str, Object]]


def new_container(context: Context, name: str, body: dict[str, Any]) -> Object:
    """A container, not yet stored."""
    now = context.clock.now()
    return {
        "id": context.ids.new("container"),
        "object": "container",
        "created_at": now,
        "status": "running",
        "expires_after": body.get("expires_after") or {"anchor": "last_active_at", "minutes": CONTAINER_MINUTES},
        "last_active_at": now,
        "memory_limit": body.get("memory_limit") or "1g",
        "name": name,
        "network_policy": body.get("network_policy") or {"type": "disabled"},
    }


def new_file(context: Context, container_id: str, name: str, content: Iterable[str], size: int, source: str) -> Object:
    """A file in a container, not yet stored; `content` names its bytes, `source` is user or assistant."""
    return {
        "id": context.ids.new("container_file"),
        "object": "container.file",
        "created_at": context.clock.now(),
        "bytes": size,
        "container_id": container_id,
        "path": FOLDER + name,
        "source": source,
        "_content": list(content),
        "_filename": name,
    }


def copied(context: Context, container_id: str, file_ids: Iterable[str]) -> list[Object]:
    """Files of a container from uploaded ones, with copies of their bytes; not yet stored. 404 for an unknown id."""
    files = [require_file(context, file_id, "file_ids") for file_id in file_ids]
    with context.contents.dropped_on_error():
        return [_copy(context, container_id, file) for file in files]


def create(context: Context, body: dict[str, Any]) -> Object:
    container = new_container(context, body["name"], body)
    files = copied(context, container["id"], body.get("file_ids") or [])
    puts: Puts = [("containers", container), *(("container_files", file) for file in files)]
    context.commit(Event("container.created", container, tuple(puts)))
    return container


def list_(context: Context, query: ListQuery) -> Page:
    return page(context, CONTAINER, query)


def retrieve(context: Context, container_id: str) -> Object:
    return require_container(context, container_id)


def delete(context: Context, container_id: str) -> Object:
    container = require_container(context, container_id)
    answer = views.deleted(container["id"], "container.deleted")
    _remove(context, container, answer, drops=(("containers", container_id),))
    return answer


def expire(context: Context, container: Object) -> None:
    """End it with all its files; the container can still be retrieved."""
    expired = {**container, "status": "expired"}
    _remove(context, container, expired, puts=(("containers", expired),))


def create_file(context: Context, container_id: str, form: Form | None = None, body: Object | None = None) -> Object:
    """From an upload, or a copy of a file that was uploaded before."""
    container = require_running(context, container_id)
    if body is not None:
        file = _copy(context, container_id, require_file(context, body["file_id"], "file_id"))
    elif form is None or form.file is None:
        raise missing_property("file")
    else:
        received = form.file
        file = new_file(context, container_id, received.filename, received.keep(), received.size, "user")
    context.commit(Event("container.file.created", file, (("container_files", file), _used(context, container))))
    return file


def list_files(context: Context, container_id: str, query: ListQuery) -> Page:
    require_running(context, container_id)
    return page(context, CONTAINER_FILE, query, field="container_id", parent=container_id)


def retrieve_file(context: Context, container_id: str, file_id: str) -> Object:
    return _require_file(context, container_id, file_id)


def delete_file(context: Context, container_id: str, file_id: str) -> Object:
    file = _require_file(context, container_id, file_id)
    answer = views.deleted(file_id, "container.file.deleted")
    context.commit(Event("container.file.deleted", answer, drops=(("container_files", file_id),)))
    context.contents.discard(file["_content"])
    return answer


def content(context: Context, container_id: str, file_id: str) -> Download:
    file = _require_file(context, container_id, file_id)
    return Download(file["_filename"], file["bytes"], context.contents.chunks(file["_content"]))


# Parts


def require_container(context: Context, id: str) -> Object:
    container = context.store.get("containers", id)
    if container is None:
        raise NotFound(f"Container with id '{id}' not found.")
    return container


def require_running(context: Context, id: str) -> Object:
    """The container; 400 once it has expired."""
    container = require_container(context, id)
    if container["status"] == "expired":
        raise InvalidParameter("Container is expired.")
    return container


def expires_at(container: Object) -> float:
    """Unix seconds."""
    return float(container["last_active_at"] + container["expires_after"]["minutes"] * MINUTE)


def used(context: Context, container: Object) -> Object:
    """The container, used now."""
    return {**container, "last_active_at": context.clock.now()}


def files_in(context: Context, container_id: str) -> list[Object]:
    return list(context.store.of("container_files", "container_id", container_id))


def _used(context: Context, container: Object) -> tuple[str, Object]:
    return "containers", used(context, container)


def _copy(context: Context, container_id: str, file: Object) -> Object:
    bytes_ = context.contents.whole(file["_content"])
    return new_file(context, container_id, file["filename"], context.contents.add(bytes_), len(bytes_), "user")


def _require_file(context: Context, container_id: str, file_id: str) -> Object:
    require_running(context, container_id)
    file = context.store.get("container_files", file_id)
    if file is None or file["container_id"] != container_id:
        raise NotFound(f"Container file with id '{file_id}' not found.")
    return file


def _remove(
    context: Context, container: Object, answer: Object, puts: tuple[tuple[str, Object], ...] = (), drops: Any = ()
) -> None:
    files = files_in(context, container["id"])
    file_drops = (("container_files", file["id"]) for file in files)
    context.commit(Event(f"container.{answer.get('status', 'deleted')}", answer, puts, (*file_drops, *drops)))
    context.contents.discard({name for file in files for name in file["_content"]})


PATH = "/containers/{container_id}"
_FILE = f"{PATH}/files/{{file_id}}"
ROUTES = (
    Route("POST", "/containers", create, views.container, CreateContainer, **RESPONSES_WIRE),
    Route("GET", "/containers", list_, views.container, lists=True, **RESPONSES_WIRE),
    Route("GET", PATH, retrieve, views.container, **RESPONSES_WIRE),
    Route("DELETE", PATH, delete, views.as_is, **RESPONSES_WIRE),
    Route(
        "POST",
        f"{PATH}/files",
        create_file,
        views.container_file,
        CreateContainerFile,
        form=FormRule("file", MAX_FILE_BYTES),
        **RESPONSES_WIRE,
    ),
    Route("GET", f"{PATH}/files", list_files, views.container_file, lists=True, **RESPONSES_WIRE),
    Route("GET", _FILE, retrieve_file, views.container_file, **RESPONSES_WIRE),
    Route("DELETE", _FILE, delete_file, views.as_is, **RESPONSES_WIRE),
    Route("GET", f"{_FILE}/content", content, views.as_is, **RESPONSES_WIRE),
)
