"""The API's resources; `ROUTES` is the whole API at a glance."""

from emulator.resources import (
    assistants,
    files,
    messages,
    models,
    run_steps,
    runs,
    threads,
    uploads,
    v1,
    vector_store_file_batches,
    vector_store_files,
    vector_store_search,
    vector_stores,
)
from emulator.resources.route import Route

__all__ = ["ROUTES", "Route"]

ROUTES: tuple[Route, ...] = (
    *assistants.ROUTES,
    *threads.ROUTES,
    *messages.ROUTES,
    *runs.ROUTES,
    *run_steps.ROUTES,
    *files.ROUTES,
    *uploads.ROUTES,
    *vector_stores.ROUTES,
    *vector_store_files.ROUTES,
    *vector_store_file_batches.ROUTES,
    *vector_store_search.ROUTES,
    *models.ROUTES,
    *v1.ROUTES,
)
