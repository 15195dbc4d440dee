"""Control calls of an emulator in another process, by nothing but the standard library."""

from __future__ import annotations

import json
import os
from collections.abc import Callable, Mapping
from http.client import HTTPConnection, HTTPException, HTTPSConnection
from typing import Any, cast
from urllib.parse import urlsplit

from assistants_emulator.config import TOKEN_HEADER, TOKEN_VARIABLE, VERSION
from assistants_emulator.errors import EmulatorError


class Refused(EmulatorError):
    """An error answer of a control call."""

    def __init__(self, message: str, status: int) -> None:
        super().__init__(message)
        self.status = status


class Control:
    """Control calls of the emulator at `url`, with or without `/v1`. EmulatorError if none answers there, or one of
    another version."""

    def __init__(self, url: str) -> None:
        self.url = url.rstrip("/").removesuffix("/v1")
        address = urlsplit(self.url)
        if address.scheme not in ("http", "https") or not address.hostname:
            raise EmulatorError(f"no emulator answers at {self.url}: it is no http URL")
        self._folder = address.path
        self._connect: Callable[[], HTTPConnection] = lambda: (
            HTTPSConnection if address.scheme == "https" else HTTPConnection
        )(cast(str, address.hostname), address.port)
        self._token = os.environ.get(TOKEN_VARIABLE, "")
        self._token_header = {TOKEN_HEADER.decode(): self._token} if self._token else {}
        health = self.call("GET", "health", {})
        if health.get("version") != VERSION:
            raise EmulatorError(
                f"the emulator at {self.url} has the version {health.get('version')}, and the plugin here {VERSION}: "
                "install the same version in both environments"
            )

    def call(self, method: str, name: str, headers: Mapping[str, str], body: Mapping[str, Any] | None = None) -> Any:
        """The JSON of the answer; Refused for an error answer."""
        try:
            content = b"" if body is None else json.dumps(body).encode()
        except (TypeError, ValueError, RecursionError) as error:
            raise EmulatorError(f"the emulator is in another process and takes JSON only: {error}") from None
        connection = self._connect()
        try:
            connection.request(method, f"{self._folder}/_emulator/{name}", content, {**self._token_header, **headers})
            response = connection.getresponse()
            status, text = response.status, response.read()
            answer = json.loads(text)
        except (OSError, HTTPException, ValueError) as error:
            raise EmulatorError(f"no emulator answers at {self.url}: {error}") from error
        finally:
            connection.close()
        if status >= 400:
            raise Refused(str(answer["error"]["message"]) if "error" in answer else text.decode(), status)
        return answer
