"""The command line of serve, demo, record, replay and convert. Mistakes are one line on standard error, status 1."""

from __future__ import annotations

import importlib
import json
import logging
import os
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import click

from assistants_emulator import __version__
from assistants_emulator.cli.convert import convert
from assistants_emulator.cli.record import ALLOW_HOST, ALLOW_ORIGIN, record, replay
from assistants_emulator.cli.run_command import (
    keep_reloading,
    leave,
    serve_beside,
    stop_with_stdin,
    stopped_by_signals,
    wait_for,
)
from assistants_emulator.config import DEFAULT_HOST, DEFAULT_LOADED, DEFAULT_PORT, TOKEN_VARIABLE, is_loopback
from assistants_emulator.errors import EmulatorError
from assistants_emulator.server.loop import ShortCollections

CHAT = "chat"
PERSON = "person"
CHAT_OPTIONS = (
    click.option(
        "--chat-base-url", metavar="URL", help="For --responder chat: the server, as http://127.0.0.1:11434/v1."
    ),
    click.option("--chat-model", metavar="NAME", help="For --responder chat: the model's name on that server."),
    click.option("--chat-api-key", metavar="KEY", help="For --responder chat: the key, if that server needs one."),
)


def responder_of(options: dict[str, Any]) -> Callable[..., Any] | None:
    """Pop the options of the responder and build it; EmulatorError for options that do not go together.

    A person is no function but the option `person`.
    """
    name: str | None = options.pop("responder")
    options["person"] = name == PERSON
    base_url, model, api_key = (options.pop(f"chat_{key}") for key in ("base_url", "model", "api_key"))
    if name == CHAT:
        if base_url is None or model is None:
            raise EmulatorError("--responder chat needs --chat-base-url URL and --chat-model NAME")
        from assistants_emulator.responders.chat.model import ChatModel

        return ChatModel(base_url, model, api_key)
    if base_url or model or api_key:
        raise EmulatorError("--chat-base-url, --chat-model and --chat-api-key go with --responder chat")
    return None if name in (None, PERSON) else load_function(name)


def load_function(name: str) -> Callable[..., Any]:
    """Import `module:function` with the current directory on the path."""
    module_name, _, function_name = name.partition(":")
    sys.path.insert(0, os.getcwd())
    try:
        function = getattr(importlib.import_module(module_name), function_name)
    except (ImportError, AttributeError, ValueError) as error:
        raise EmulatorError(f"--responder {name}: {error}; it is MODULE:FUNCTION") from error
    if not callable(function):
        raise EmulatorError(f"--responder {name}: {function_name} is not a function")
    result: Callable[..., Any] = function
    return result


class OneLineErrors(click.Group):
    """Commands that print an EmulatorError in one line, without a traceback."""

    def invoke(self, ctx: click.Context) -> Any:
        try:
            return super().invoke(ctx)
        except EmulatorError as error:
            raise click.ClickException(str(error)) from error


@click.group(cls=OneLineErrors, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(__version__, prog_name="assistants-emulator")
def cli() -> None:
    """A local, offline, deterministic emulator of the OpenAI Assistants API."""


cli.add_command(record)
cli.add_command(replay)
cli.add_command(convert)
SERVER_OPTIONS = (
    click.option("--host", default=DEFAULT_HOST, show_default=True, help="Address to listen on."),
    click.option("--port", default=DEFAULT_PORT, show_default=True, help="0 takes a free port."),
    click.option("--data-dir", type=click.Path(path_type=Path), help="Directory for all data; by default, memory."),
    click.option(
        "--loaded-projects",
        type=click.IntRange(min=1),
        default=DEFAULT_LOADED,
        show_default=True,
        help="With --data-dir: how many projects keep their objects in memory.",
    ),
    click.option("--script", type=click.Path(path_type=Path), help="YAML or JSON file of replies."),
    click.option(
        "--state",
        type=click.Path(path_type=Path),
        help="YAML or JSON file of objects that new projects start with.",
    ),
    click.option(
        "--responder",
        metavar="MODULE:FUNCTION",
        help="Python function that answers runs; or chat: a model; or person: you, in the browser.",
    ),
    *CHAT_OPTIONS,
    click.option("--seed", default="0", show_default=True, help="Seed of all ids."),
    click.option("--clock", type=click.Choice(["system", "manual"]), default="system", show_default=True),
    click.option("--fidelity", type=click.Choice(["wire", "spec"]), default="wire", show_default=True),
    click.option("--repair", is_flag=True, help="Repair damaged data directories; what was damaged is kept beside."),
    click.option(
        "--allow-callback",
        "allow_callbacks",
        multiple=True,
        help="Host, besides this machine, that a script's `call` may name.",
    ),
    click.option(
        "--no-strict-tools",
        "strict_tools",
        flag_value=False,
        default=True,
        help="Let replies call functions and tools that the run does not declare.",
    ),
    click.option(
        "--adopt-ids", is_flag=True, help="Make unknown assistants, threads and vector stores at their first use."
    ),
    ALLOW_HOST,
    ALLOW_ORIGIN,
    click.option(
        "--v1",
        type=click.Choice(["serve", "sunset"]),
        default="serve",
        show_default=True,
        help="Serve `assistants=v1`, or refuse it as the API did after 2024-12-18.",
    ),
    click.option("--api-key", help="Accept this key only; by default, any."),
    click.option(
        "--token", envvar=TOKEN_VARIABLE, default="", help="Token of the inspector's URL; by default, a new one."
    ),
    click.option("--tokens-per-second", type=float, help="Pace of streams; by default, no delay."),
    click.option(
        "--allow-code-execution", is_flag=True, help="Let scripts run code. It is limited, but not sandboxed."
    ),
    click.option("--model", "models", multiple=True, help="Model that exists; repeatable. By default, any name."),
    click.option(
        "--reasoning-model",
        "reasoning_models",
        multiple=True,
        help="Model that takes no temperature, besides the o-series and gpt-5; repeatable.",
    ),
    click.option(
        "--context-window",
        type=click.IntRange(1),
        help="Tokens that an input may have; by default, by the model's name.",
    ),
)
OPEN_TO_OTHERS = (
    "Listening on {}: everybody who can reach this machine can read and change the data. "
    "--api-key requires a key, --allow-host names the hosts that requests may be sent to."
)


def server_options(command: Callable[..., Any]) -> Callable[..., Any]:
    for option in reversed(SERVER_OPTIONS):
        command = option(command)
    return command


@cli.command(context_settings={"ignore_unknown_options": False})
@server_options
@click.option("--open", "opens", is_flag=True, help="Open the inspector in the browser.")
@click.option(
    "--no-reload", "reloads", flag_value=False, default=True, help="Do not load the file of --script again on a change."
)
@click.option(
    "--export-on-exit",
    type=click.Path(path_type=Path),
    help="File for the default project's state.",
)
@click.option("--until-stdin-ends", is_flag=True, help="Stop when standard input ends too, so with its writer.")
@click.argument("command", nargs=-1, type=click.UNPROCESSED)
def serve(
    command: tuple[str, ...],
    export_on_exit: Path | None,
    opens: bool,
    reloads: bool,
    until_stdin_ends: bool,
    **options: Any,
) -> None:
    """Serve the API until Ctrl-C; with `-- COMMAND ...`, while that command runs, and exit with its status."""
    from assistants_emulator.code_interpreter import make_undumpable
    from assistants_emulator.emulator import Emulator

    options["responder"] = responder_of(options)
    stop = stopped_by_signals()
    with Emulator(**options) as emulator:
        emulator.clock.now()  # opens the default project, so that an unusable directory is reported before a request
        make_undumpable()
        ShortCollections(emulator._server.loop).start()
        for line in emulator.repaired:
            click.echo(line, err=True)
        if not is_loopback(options["host"]):
            click.echo(OPEN_TO_OTHERS.format(options["host"]), err=True)
        data = f"data in {options['data_dir'] or 'memory'}"
        greeting = f"assistants-emulator {__version__} on {emulator.base_url}, {data}"
        click.echo(f"{greeting}; look inside: {emulator.inspector_link}", err=bool(command))
        if opens:
            open_browser(emulator.inspector_link)
        show_problems()
        if options["script"] is not None and reloads:
            keep_reloading(options["script"], emulator.replace_script, stop)
        if until_stdin_ends:
            stop_with_stdin(stop)
        status = serve_beside(command, environment(emulator, options["api_key"]), stop)
        show_unused_rules(emulator)
        if export_on_exit is not None:
            export(emulator, export_on_exit)
    leave(status)


@cli.command()
@click.argument("name", required=False)
@click.option("--open", "opens", is_flag=True, help="Open the demo's playground in the browser.")
@click.option("--port", default=DEFAULT_PORT, show_default=True, help="With NAME: 0 takes a free port.")
@click.option(
    "--data-dir",
    type=click.Path(path_type=Path),
    help="Directory for the data; by default it is removed.",
)
def demo(name: str | None, opens: bool, port: int, data_dir: Path | None) -> None:
    """Walk through the API's own guide with the real SDK: the Math Tutor, a function call, a restart.

    With NAME (math_tutor, travel_desk, handbook, data_analyst) serve that demo, to play in the browser.
    """
    from assistants_emulator.cli.demo import run_demo
    from assistants_emulator.cli.demos import demo_named, serve_demo

    if name is None and not opens:
        run_demo(data_dir, click.echo)
        return
    stop = stopped_by_signals()
    emulator, url = serve_demo(demo_named(name or "math_tutor"), data_dir, port)
    with emulator:
        click.echo(f"Play it at {url}\nCtrl-C ends it.")
        sys.stdout.flush()
        if opens:
            open_browser(url)
        wait_for(stop)
    leave(0)


def show_problems() -> None:
    """Show problems of responders and scripts on standard error, a line for each as it happens."""
    from assistants_emulator.turns.invocation import problems

    problems.addHandler(logging.StreamHandler())
    problems.setLevel(logging.INFO)
    problems.propagate = False


def show_unused_rules(emulator: Any) -> None:
    """A line on standard error for each rule with `times` left, in projects that had requests."""
    for name, project in emulator.projects().items():
        if project is not None and project.requests.total:
            for rule in project.rules.unused():  # `leftovers` would wait for user code that is at work
                click.echo(f"{name}: not used up: {rule}", err=True)


def open_browser(url: str) -> None:
    import webbrowser

    if not webbrowser.open(url):
        click.echo(f"No browser could be opened; the address is {url}", err=True)


def environment(emulator: Any, api_key: str | None) -> dict[str, str]:
    """The variables that point an SDK of any language at this server, with the key of --api-key."""
    variables = {"OPENAI_BASE_URL": emulator.base_url, "OPENAI_API_KEY": api_key or emulator.api_key}
    return {**variables, TOKEN_VARIABLE: emulator.token} if emulator.config.needs_token else variables


def export(emulator: Any, path: Path) -> None:
    try:
        path.write_text(json.dumps(emulator.state(), indent=2, ensure_ascii=False) + "\n", encoding="utf-8")
    except OSError as error:
        raise EmulatorError(f"--export-on-exit {path}: {error.strerror}") from error
