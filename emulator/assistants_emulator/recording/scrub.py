"""Cuts secrets from what is recorded: credentials, cookies, organisation and project ids, and what the user names.

The few headers that a cassette has are not secret. The values of those that are, are learned here, so that the same
secret is found wherever else it stands: in a body, a query, an error's text, an uploaded file.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import Any
from urllib.parse import parse_qsl, unquote, urlencode

from assistants_emulator.errors import EmulatorError
from assistants_emulator.recording.exchange import Body, Event, Part
from assistants_emulator.store.blobs import decode_base64

PLACEHOLDER = "SCRUBBED"
SHORTEST = 6  # characters; a shorter secret is not looked for elsewhere: it would be found in words

CREDENTIALS = {"authorization", "proxy-authorization", "api-key", "x-api-key", "ocp-apim-subscription-key"}
COOKIES = {"cookie", "set-cookie"}
NAMES = (
    CREDENTIALS | COOKIES | {"api_key", "apikey", "access_token", "refresh_token", "client_secret", "subscription-key"}
)
NAMES |= {"openai-organization", "openai-project"}

PATTERNS = (
    (r"\bsk-[A-Za-z0-9_*-]{8,}", f"sk-{PLACEHOLDER}"),
    (r"\borg-[A-Za-z0-9]{8,}", f"org-{PLACEHOLDER}"),
    (r"\bproj_[A-Za-z0-9]{8,}", f"proj_{PLACEHOLDER}"),
    (r"(?<![\w-])[A-Za-z0-9_-]{1,12}\*{4,}[A-Za-z0-9_-]{0,8}", PLACEHOLDER),  # a key as error messages mask it
)

Headers = Iterable[tuple[bytes, bytes]]


class Scrubber:
    """`scrub` holds names (of headers, query keys, form fields and JSON keys) and compiled patterns or `/PATTERN/`."""

    def __init__(self, scrub: Iterable[str | re.Pattern[str]] = ()) -> None:
        self._names = set(NAMES)
        self._patterns = list(PATTERNS)
        for rule in scrub:
            if isinstance(rule, str) and not (len(rule) > 2 and rule.startswith("/") and rule.endswith("/")):
                self._names.add(rule.lower())
            else:
                self._patterns.append((_alternative(rule), PLACEHOLDER))
        self._literals: set[str] = set()
        self._compile()

    def learn(self, headers: Headers, query: str = "") -> None:
        """Look for the secrets of a request or a response from here on."""
        pairs = [(name.decode("latin-1").lower(), value.decode("latin-1")) for name, value in headers]
        pairs = [(name, value) for name, value in pairs if name in self._names]
        pairs += [(name.lower(), value) for name, value in parse_qsl(query)] if query else []
        for name, value in pairs:
            if name in COOKIES:
                cookies = value.split(";")[: 1 if name == "set-cookie" else None]
                self.add(*(cookie.partition("=")[2].strip() for cookie in cookies))
            elif name in self._names:
                self.add(*_credentials(value))

    def add(self, *secrets: str) -> None:
        new = {secret for secret in secrets if len(secret) >= SHORTEST and PLACEHOLDER not in secret} - self._literals
        if new:
            self._literals |= new
            self._compile()

    def text(self, text: str) -> str:
        return self._secret.sub(self._replacement, text)

    def raw(self, content: bytes, end: int) -> tuple[bytes, int]:
        """Scrub a file's bytes up to `end`, or to a secret that goes on beyond it; return them, and where that was."""
        if not self.hints(content):
            return content[:end], end
        pieces, place = [], 0
        for match in self._raw_secret.finditer(content):
            if match.end() > end:
                end = min(end, match.start())
                break
            pieces += [content[place : match.start()], PLACEHOLDER.encode()]
            place = match.end()
        return b"".join([*pieces, content[place:end]]), end

    def hints(self, content: bytes) -> bool:
        """True if the bytes may hold a secret; quick, since files are large and mostly hold none."""
        return self._slow or any(hint in content for hint in self._hints)

    def path(self, path: str) -> str:
        """A path with its query; one without a secret keeps its spelling."""
        plain, mark, query = path.partition("?")
        if self.text(unquote(plain)) != unquote(plain):
            plain = self.text(unquote(plain))
        pairs = parse_qsl(query, keep_blank_values=True)
        scrubbed = [(name, PLACEHOLDER if name.lower() in self._names else self.text(value)) for name, value in pairs]
        return f"{self.text(plain)}{mark}{query if scrubbed == pairs else urlencode(scrubbed)}"

    def value(self, value: Any) -> Any:
        """Scrub JSON: strings under a secret name, and secrets in any string, keys too."""
        match value:
            case str():
                return self.text(value)
            case list():
                return [self.value(item) for item in value]
            case dict():
                return {self.text(key): self._member(key, item) for key, item in value.items()}
            case _:
                return value

    def headers(self, headers: dict[str, str]) -> dict[str, str]:
        return {name: self.text(value) for name, value in headers.items() if name not in self._names}

    def body(self, body: Body | None) -> Body | None:
        """Scrub all but files, which are scrubbed as they are written."""
        if body is None:
            return None
        match body.kind:
            case "json":
                return Body.json(self.value(body.value))
            case "text":
                return Body.text(self.text(body.value))
            case "events":
                return Body.events([Event(event.event, self.value(event.data), event.at) for event in body.value])
            case "form":
                return Body.form([self._part(part) for part in body.value])
            case _:
                return body

    def _member(self, key: str, item: Any) -> Any:
        return PLACEHOLDER if key.lower() in self._names and isinstance(item, str) else self.value(item)

    def _part(self, part: Part) -> Part:
        value = None if part.value is None else self._member(part.name, part.value)
        filename = None if part.filename is None else self.text(part.filename)
        return Part(part.name, value, filename, part.content_type, part.file)

    def _compile(self) -> None:
        literals = sorted(self._literals, key=len, reverse=True)
        alternatives = [re.escape(literal) for literal in literals] + [pattern for pattern, _ in self._patterns]
        self._secret = re.compile("|".join(f"(?:{alternative})" for alternative in alternatives))
        self._raw_secret = re.compile(self._secret.pattern.encode())
        self._hints = [b"sk-", b"org-", b"proj_", b"****", *(literal.encode() for literal in literals)]
        self._slow = len(self._patterns) > len(PATTERNS)  # the user's own patterns have no hints

    def _replacement(self, match: re.Match[str]) -> str:
        if match[0] in self._literals:
            return PLACEHOLDER
        return next((text for pattern, text in self._patterns if re.fullmatch(pattern, match[0])), PLACEHOLDER)


def _credentials(value: str) -> list[str]:
    """A header's value, the part after its scheme, and what Basic encodes."""
    _, _, rest = value.partition(" ")
    secrets = [value.strip(), rest.strip()]
    if value.lower().startswith("basic "):
        try:
            decoded = decode_base64(rest).decode()
        except ValueError:
            return secrets
        secrets += [decoded, decoded.partition(":")[2]]
    return secrets


def _alternative(rule: str | re.Pattern[str]) -> str:
    """The pattern as an alternative of a larger one: with its own flags, without the names of its groups."""
    regex = _compiled(rule[1:-1]) if isinstance(rule, str) else rule
    flags = "".join(letter for letter, flag in (("i", re.I), ("s", re.S), ("m", re.M)) if regex.flags & flag)
    pattern = re.sub(r"\(\?P<\w+>", "(", regex.pattern)
    return f"(?{flags}:{pattern})" if flags else pattern


def _compiled(pattern: str) -> re.Pattern[str]:
    try:
        return re.compile(pattern)
    except re.error as error:
        raise EmulatorError(f"scrub: {pattern!r} is not a pattern: {error}") from None
