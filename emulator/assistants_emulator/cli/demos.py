"""The demos to play in the browser: each is a script, with an assistant and documents created through the API."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

from assistants_emulator.config import DEFAULT_PROJECT
from assistants_emulator.emulator import Emulator
from assistants_emulator.errors import EmulatorError

_PACKAGE = Path(__file__).resolve().parents[1]


def shipped(name: str) -> Path:
    """The path of a fixture, as `scripts/math_tutor.yaml`, in the installed package or in the checkout."""
    installed = _PACKAGE / "fixtures" / name
    return installed if installed.exists() else _PACKAGE.parents[1] / "fixtures" / name


TOKENS_PER_SECOND = 60.0  # slow enough to watch


@dataclass(frozen=True, slots=True)
class Demo:
    """`tries` are first messages that the playground offers; `searched` and `analysed` are documents by file name."""

    title: str
    description: str
    instructions: str
    tries: tuple[str, ...]
    tools: tuple[dict[str, Any], ...] = ()
    searched: tuple[str, ...] = ()
    analysed: tuple[str, ...] = ()


def _function(name: str, description: str, **properties: str) -> dict[str, Any]:
    fields = {key: {"type": "string", "description": text} for key, text in properties.items()}
    parameters = {"type": "object", "properties": fields, "required": list(properties)}
    return {"type": "function", "function": {"name": name, "description": description, "parameters": parameters}}


DEMOS = {
    "math_tutor": Demo(
        "Math Tutor",
        "Solves equations by writing and running code.",
        "You are a personal math tutor. Write and run code to answer math questions.",
        ("I need to solve the equation `3x + 11 = 14`. Can you help me?",),
        ({"type": "code_interpreter"},),
    ),
    "travel_desk": Demo(
        "Travel Desk",
        "Looks for flights and books them. You are the airline: you answer its function calls.",
        "You are a travel desk. Search for flights, and book what the customer chooses.",
        ("Find me a flight to Lisbon", "Book SK4711, please", "Cancel my booking"),
        (
            _function(
                "search_flights",
                "Looks for flights. Return a list, for example: SK4711 at 8:15 for 1,490 kroner.",
                **{"from": "The city of departure", "to": "The city to fly to", "date": "The day, as 2025-06-12"},
            ),
            _function(
                "book_flight",
                "Books a seat. Return the booking's number, for example: QX7R2P.",
                flight="The flight's number",
                seat="Window or aisle",
            ),
            _function("send_ticket", "Sends the ticket. Return what happened, for example: sent.", flight="The flight"),
        ),
    ),
    "handbook": Demo(
        "Handbook",
        "Answers from a company's documents, and shows the passages.",
        "Answer from the documents only, and cite the passages that say so.",
        (
            "How many vacation days do I have?",
            "What may a hotel cost?",
            "How do guests get into the office's wireless?",
        ),
        ({"type": "file_search"},),
        searched=("employee_handbook.pdf", "travel_policy.docx", "office_guide.md"),
    ),
    "data_analyst": Demo(
        "Data Analyst",
        "Reads a table with code and draws a chart of it.",
        "You analyse tables by writing and running code. Show charts where they help.",
        ("Which region sold best?", "Draw a chart of the quarters"),
        ({"type": "code_interpreter"},),
        analysed=("lamp_sales.csv",),
    ),
}


def demo_named(name: str) -> str:
    """The full name of the demo that `name` is the beginning of; EmulatorError lists the names."""
    prefix = name.lower().replace("-", "_")
    matches = [demo for demo in DEMOS if demo.startswith(prefix)]
    if len(matches) != 1:
        raise EmulatorError(f"there is no demo {name!r}; there are: {', '.join(DEMOS)}")
    return matches[0]


def serve_demo(name: str, data_dir: Path | None, port: int) -> tuple[Emulator, str]:
    """Start an emulator with the demo, and return it with the address of its playground. The caller stops it."""
    emulator = Emulator(
        data_dir, script=shipped(f"scripts/{name}.yaml"), port=port, tokens_per_second=TOKENS_PER_SECOND
    ).start()
    try:
        assistant, thread = prepare(emulator.client(), name)
    except BaseException:
        emulator.stop()
        raise
    return emulator, f"{emulator.inspector_url}projects/{DEFAULT_PROJECT}/playground?" + urlencode(
        {"assistant": assistant, "thread": thread}
    )


def prepare(client: Any, name: str) -> tuple[str, str]:
    """The ids of the demo's assistant, created unless the data directory has it, and of a new thread."""
    existing = (row for row in client.beta.assistants.list() if (row.metadata or {}).get("demo") == name)
    assistant = next(existing, None) or _create_assistant(client, name, DEMOS[name])
    return assistant.id, client.beta.threads.create().id


def _create_assistant(client: Any, name: str, demo: Demo) -> Any:
    resources: dict[str, Any] = {}
    if demo.searched:
        resources["file_search"] = {"vector_stores": [{"file_ids": _upload(client, demo.searched)}]}
    if demo.analysed:
        resources["code_interpreter"] = {"file_ids": _upload(client, demo.analysed)}
    return client.beta.assistants.create(
        model="gpt-4o",
        name=demo.title,
        description=demo.description,
        instructions=demo.instructions,
        tools=list(demo.tools),
        tool_resources=resources,
        metadata={"demo": name, "try": "\n".join(demo.tries)},
    )


def _upload(client: Any, documents: tuple[str, ...]) -> list[str]:
    paths = [shipped(f"documents/{name}") for name in documents]
    return [client.files.create(file=path, purpose="assistants").id for path in paths]
