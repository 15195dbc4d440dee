"""Forms that change a project: reset and delete, an assistant's fields, metadata, state files, the script.

They do what the API and the control API do, with their errors shown at the form. A form that destroys something lies
folded behind a summary, so that one click never does it.
"""

from __future__ import annotations

import json
import re
from typing import Any

from starlette.responses import JSONResponse, Response, StreamingResponse

from assistants_emulator.contract import ModifyAssistant, ModifyThread, check
from assistants_emulator.errors import ApiError, EmulatorError
from assistants_emulator.inspector.controls import controls
from assistants_emulator.inspector.objects import assistant as assistant_page
from assistants_emulator.inspector.objects import thread as thread_page
from assistants_emulator.inspector.request import PageRequest, message_of
from assistants_emulator.resources import assistants, files, threads, vector_stores
from assistants_emulator.responders.scripts.load import load_script
from assistants_emulator.store.steps import run_in_turns
from assistants_emulator.web.state_body import receive_state, send_state

SCALARS = ("name", "description", "instructions", "model")


# The project


def reset(request: PageRequest) -> Response:
    request.project.reset(keep_rules=bool(request.field("keep_rules")))
    return request.to()


async def delete_project(request: PageRequest) -> Response:
    await request.site.remove(request.project.name)
    return request.home()


def download_state(request: PageRequest) -> Response:
    name = re.sub(r"[^A-Za-z0-9._-]", "-", request.project.name)
    headers = {"Content-Disposition": f'attachment; filename="{name}.state.json"'}
    return StreamingResponse(send_state(request.project), media_type="application/json", headers=headers)


async def load_state(request: PageRequest) -> Response:
    """Replace all objects by those of the body, which is a state file; the answer is JSON for the page's script."""
    try:
        await receive_state(request.project, request.http.receive)
    except (ApiError, EmulatorError) as error:
        return JSONResponse({"error": message_of(error)}, status_code=400)
    return JSONResponse({"error": None})


# Objects


async def delete_thread(request: PageRequest, thread_id: str) -> Response:
    await request.project.scheduler.settle(thread_id)
    await run_in_turns(threads.delete(request.context, thread_id))
    return request.to("threads")


def delete_assistant(request: PageRequest, assistant_id: str) -> Response:
    assistants.delete(request.context, assistant_id)
    return request.to("assistants")


async def delete_file(request: PageRequest, file_id: str) -> Response:
    await run_in_turns(files.delete(request.context, file_id))
    return request.to("files")


def delete_store(request: PageRequest, store_id: str) -> Response:
    vector_stores.delete(request.context, store_id)
    return request.to("vector_stores")


def modify_assistant(request: PageRequest, assistant_id: str) -> Response:
    """Take the form's fields as they stand: an empty text clears its field."""
    try:
        body = check(ModifyAssistant, _assistant_fields(request))
        assistants.modify(request.context, assistant_id, body)
    except (ApiError, ValueError) as error:
        return assistant_page(request, assistant_id, f"The assistant was not changed: {message_of(error)}")
    return request.to("assistants", assistant_id)


def _assistant_fields(request: PageRequest) -> dict[str, Any]:
    fields: dict[str, Any] = {name: request.field(name) or None for name in SCALARS}
    if fields["model"] is None:
        del fields["model"]
    tools = json_field(request, "tools", [])
    resources = {}
    kinds = {tool.get("type") for tool in tools if isinstance(tool, dict)} if isinstance(tools, list) else set()
    if "file_search" in kinds:
        resources["file_search"] = {"vector_store_ids": request.field("vector_store_ids").split()}
    if "code_interpreter" in kinds:
        resources["code_interpreter"] = {"file_ids": request.field("file_ids").split()}
    return {**fields, "tools": tools, **({"tool_resources": resources} if resources else {})}


def modify_thread(request: PageRequest, thread_id: str) -> Response:
    """Merge the form's metadata into the thread's, as the API does."""
    try:
        body = check(ModifyThread, {"metadata": json_field(request, "metadata", {})})
        threads.modify(request.context, thread_id, body)
    except (ApiError, ValueError) as error:
        return thread_page(request, thread_id, f"The metadata was not changed: {message_of(error)}")
    return request.to("threads", thread_id)


def json_field(request: PageRequest, name: str, empty: Any) -> Any:
    """A field's JSON, `empty` for an empty one; ValueError that names the line for what is none."""
    text = request.field(name)
    try:
        return json.loads(text) if text else empty
    except json.JSONDecodeError as error:
        raise ValueError(f"{name}, line {error.lineno}, column {error.colno}: {error.msg}") from None


# The script and faults


def set_script(request: PageRequest) -> Response:
    """Replace the script by the form's text, YAML or JSON; a mistake is shown with its line, and nothing changes."""
    text = (request.form or {}).get("script", "")
    try:
        request.project.set_script(load_script(f"{text}\n", allow_paths=False) if text.strip() else None)
    except EmulatorError as error:
        return controls(request, script_error=str(error), script_text=text)
    return request.to("controls")


def remove_fault(request: PageRequest, number: str) -> Response:
    """Remove the fault at that place of the list, if it is still that of the form's route."""
    faults = list(request.project.faults)
    index = int(number) if number.isdecimal() and len(number) < 6 else len(faults)
    if index < len(faults) and faults[index].route == request.field("route"):
        request.project.faults.remove(faults[index])
    return request.to("controls")
