"""The API's resources; `ROUTES` is the whole API at a glance."""

from emulator.resources import assistants, messages, models, run_steps, runs, threads
from emulator.resources.route import Route

__all__ = ["ROUTES", "Route"]

ROUTES: tuple[Route, ...] = (
    *assistants.ROUTES,
    *threads.ROUTES,
    *messages.ROUTES,
    *runs.ROUTES,
    *run_steps.ROUTES,
    *models.ROUTES,
)
