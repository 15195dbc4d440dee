"""`python -m emulator` and the console script."""

from __future__ import annotations

from emulator.cli import cli


def main() -> None:
    cli(prog_name="assistants-emulator")


if __name__ == "__main__":
    main()
