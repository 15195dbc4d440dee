"""Run steps: what a run did, in order. Written by the engine alone; the API only reads them."""

from __future__ import annotations

from dataclasses import replace

from emulator.context import Context
from emulator.contract import ListQuery
from emulator.resources import views
from emulator.resources.listing import page
from emulator.resources.lookup import STEP, require, require_run
from emulator.resources.route import Route
from emulator.runs.lifecycle import TERMINAL
from emulator.store import Object, Page


def list_(context: Context, thread_id: str, run_id: str, query: ListQuery, include: frozenset[str]) -> Page:
    run = require_run(context, thread_id, run_id)
    found = page(context, STEP, query, field="run_id", parent=run_id)
    return replace(found, items=[_shown(step, run, include) for step in found.items])


def retrieve(context: Context, thread_id: str, run_id: str, step_id: str, include: frozenset[str]) -> Object:
    run = require_run(context, thread_id, run_id)
    return _shown(require(context, STEP, step_id, "step_id", run_id=run_id), run, include)


def _shown(step: Object, run: Object, include: frozenset[str]) -> Object:
    """`expires_at` is the run's while that is under way, and null once it is over (dotnet)."""
    shown = {**step, "expires_at": None} if run["status"] in TERMINAL else step
    return shown if include else views.without_search_content(shown)


STEPS_PATH = "/threads/{thread_id}/runs/{run_id}/steps"
ROUTES = (
    Route("GET", STEPS_PATH, list_, views.step, lists=True, includes=True),
    Route("GET", f"{STEPS_PATH}/{{step_id}}", retrieve, views.step, includes=True),
)
