"""`python -m assistants_emulator` and the console script."""

from __future__ import annotations

from assistants_emulator.cli.main import cli


def main() -> None:
    cli(prog_name="assistants-emulator")


if __name__ == "__main__":
    main()
