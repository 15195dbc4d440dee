"""Run schemathesis with the API's own description against a served emulator; exit with its status."""

from __future__ import annotations

import subprocess
import sys

from assistants_emulator import Emulator

OPTIONS = (
    *("--checks", "not_a_server_error", "--seed", "1", "--max-examples", "50", "--phases", "coverage,fuzzing"),
    *("--header", "Authorization: Bearer fuzz", "--header", "OpenAI-Beta: assistants=v2", "--no-color"),
)


def main() -> int:
    with Emulator() as emulator:
        description = f"{emulator.base_url.removesuffix('/v1')}/_emulator/openapi.json"
        ran = subprocess.run(["schemathesis", "run", description, *OPTIONS], capture_output=True, text=True)
    print(ran.stdout[-1500:], ran.stderr[-1500:])
    return ran.returncode


if __name__ == "__main__":
    sys.exit(main())
