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
JSON_NAMES = {
    *("token", "password", "passwd", "passphrase", "secret", "private_key", "secret_key", "secret_access_key"),
    *("aws_secret_access_key", "session_token", "auth_token", "id_token", "api_token", "bot_token"),
}
"""Names of secrets in bodies, as keys and fields; `-` counts as `_`."""
QUERY_NAMES = JSON_NAMES | {
    *("key", "sig", "signature", "code", "x_amz_signature", "x_amz_credential", "x_amz_security_token"),
    *("x_goog_signature", "x_goog_credential", "awsaccesskeyid"),
}

PATTERNS = (
    (r"-----BEGIN [A-Z ]*PRIVATE KEY-----[^-]{1,10000}-----END [A-Z ]*PRIVATE KEY-----", PLACEHOLDER),
    (r"\b(?:gh[opsur]_[A-Za-z0-9]{16,}|github_pat_\w{16,}|glpat-[\w-]{16,}|hf_[A-Za-z0-9]{16,})", PLACEHOLDER),
    (r"\b(?:AKIA|ASIA)[0-9A-Z]{16}\b", PLACEHOLDER),
    (r"\bAIza[0-9A-Za-z_-]{30,}", PLACEHOLDER),
    (r"\bxox[abeoprs]-[A-Za-z0-9-]{10,}", PLACEHOLDER),
    (r"\b[sr]k_(?:live|test)_[A-Za-z0-9]{16,}", PLACEHOLDER),
    (r"\beyJ[A-Za-z0-9_-]{5,}\.[A-Za-z0-9_-]{5,}\.[A-Za-z0-9_-]*", PLACEHOLDER),
    (r"\b([Bb]earer )(?=\S*\d|\S{20})[A-Za-z0-9._~+/=-]{8,}", rf"\1{PLACEHOLDER}"),
    (r"\bsk-[A-Za-z0-9_*-]{8,}", f"sk-{PLACEHOLDER}"),
    (r"\borg-[A-Za-z0-9]{8,}", f"org-{PLACEHOLDER}"),
    (r"\bproj_[A-Za-z0-9]{8,}", f"proj_{PLACEHOLDER}"),
    (r"(?<![\w-])[A-Za-z0-9_-]{1,12}\*{4,}[A-Za-z0-9_-]{0,8}", PLACEHOLDER),  # a key as error messages mask it
)

HINTS = (
    *(b"sk-", b"org-", b"proj_", b"****", b"PRIVATE KEY-----", b"gho_", b"ghp_", b"ghs_", b"ghu_", b"ghr_", b"hf_"),
    *(b"github_pat_", b"glpat-", b"AKIA", b"ASIA", b"AIza", b"xox", b"k_live_", b"k_test_", b"eyJ", b"earer "),
)
"""Each match of PATTERNS has one of these."""

Headers = Iterable[tuple[bytes, bytes]]


class Scrubber:
    """`scrub` holds names (of headers, query keys, form fields and JSON keys) and compiled patterns or `/PATTERN/`."""

    def __init__(self, scrub: Iterable[str | re.Pattern[str]] = ()) -> None:
        self.count = 0  # of the values that were scrubbed
        self._names = set(NAMES)
        self._patterns = list(PATTERNS)
        for rule in scrub:
            if isinstance(rule, str) and not (len(rule) > 2 and rule.startswith("/") and rule.endswith("/")):
                self._names.add(rule.lower())
            else:
                self._patterns.append((_alternative(rule), PLACEHOLDER))
        self._literals: set[str] = set()
        self._json_names = {_plain(name) for name in self._names | JSON_NAMES}
        self._query_names = {_plain(name) for name in self._names | QUERY_NAMES}
        self._pairs = _pairs(self._json_names | self._query_names - {"key", "code"})
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
            elif name in self._names or _plain(name) in self._query_names:
                self.add(*_credentials(value))

    def add(self, *secrets: str) -> None:
        new = {secret for secret in secrets if len(secret) >= SHORTEST and PLACEHOLDER not in secret} - self._literals
        if new:
            self._literals |= new
            self._compile()

    def text(self, text: str) -> str:
        return self._secret.sub(self._replacement, text)

    def document(self, text: str) -> str:
        """Scrub a text that may hold pairs of names and values: JSON, or a form as in a URL."""
        return self.text(self._pairs.sub(self._pair, text))

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
            self.count += 1
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
        scrubbed = [(name, self._in_query(name, value)) for name, value in pairs]
        return f"{self.text(plain)}{mark}{query if scrubbed == pairs else urlencode(scrubbed)}"

    def value(self, value: Any) -> Any:
        """Scrub JSON: strings under a secret name, and secrets in any string, keys too."""
        match value:
            case str():
                return self.document(value) if value.lstrip()[:1] in ("{", "[") else self.text(value)
            case list():
                return [self.value(item) for item in value]
            case dict():
                is_schema = "logprob" in value  # of a model's token, which is no secret
                return {
                    self.text(key): self.value(item) if is_schema else self._member(key, item)
                    for key, item in value.items()
                }
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
                return Body.text(self.document(body.value))
            case "events":
                return Body.events([Event(event.event, self.value(event.data), event.at) for event in body.value])
            case "form":
                return Body.form([self._part(part) for part in body.value])
            case _:
                return body

    def _member(self, key: str, item: Any) -> Any:
        """Return the scrubbed value of a key. Keys of a schema's `properties` name parameters, not secrets."""
        if key == "properties" and isinstance(item, dict):
            return {self.text(name): self.value(schema) for name, schema in item.items()}
        return self._hidden(item) if _plain(key) in self._json_names else self.value(item)

    def _hidden(self, item: Any) -> Any:
        """A secret value, or an object or array with all its strings hidden."""
        match item:
            case str():
                self.count += item not in ("", PLACEHOLDER)
                return PLACEHOLDER if item else item
            case list():
                return [self._hidden(each) for each in item]
            case dict():
                return {self.text(name): self._hidden(each) for name, each in item.items()}
            case _:
                return item

    def _in_query(self, name: str, value: str) -> str:
        if _plain(name) not in self._query_names:
            return self.text(value)
        self.count += value != PLACEHOLDER
        return PLACEHOLDER

    def _pair(self, match: re.Match[str]) -> str:
        before, value = match["key"] or match["field"], match["value"] or match["text"]
        self.count += value != PLACEHOLDER
        return f"{before}{PLACEHOLDER}"

    def _part(self, part: Part) -> Part:
        value = None if part.value is None else self._member(part.name, part.value)
        filename = None if part.filename is None else self.text(part.filename)
        return Part(part.name, value, filename, part.content_type, part.file)

    def _compile(self) -> None:
        literals = sorted(self._literals, key=len, reverse=True)
        alternatives = [re.escape(literal) for literal in literals] + [pattern for pattern, _ in self._patterns]
        self._secret = re.compile("|".join(f"(?:{alternative})" for alternative in alternatives))
        self._raw_secret = re.compile(self._secret.pattern.encode())
        self._hints = [*HINTS, *(literal.encode() for literal in literals)]
        self._slow = len(self._patterns) > len(PATTERNS)  # the user's own patterns have no hints

    def _replacement(self, match: re.Match[str]) -> str:
        secret, clean = match[0], PLACEHOLDER
        if secret not in self._literals:
            matches = ((re.fullmatch(pattern, secret), text) for pattern, text in self._patterns)
            clean = next((match.expand(text) for match, text in matches if match), PLACEHOLDER)
        self.count += clean != secret
        return clean


def _plain(name: str) -> str:
    return name.lower().replace("-", "_")


def _pairs(names: Iterable[str]) -> re.Pattern[str]:
    """`"name": "value"`, also with escaped quotes, and `name=value`: the part before the value, and the value."""
    either = "|".join(re.escape(name).replace("_", "[_-]") for name in sorted(names, key=len, reverse=True))
    quote = r'\\*"'
    # a value ends at a quote with as many backslashes as it began with: it may be JSON within a string
    in_json = (
        rf'(?P<key>{quote}(?:{either}){quote}\s*:\s*(?P<escape>\\*)")(?P<value>.{{1,20000}}?)(?=(?<!\\)(?P=escape)")'
    )
    in_form = rf"(?P<field>(?:(?<=[?&\s])|^)(?:{either})=)(?P<text>[^&\s]+)"
    return re.compile(f"{in_json}|{in_form}", re.IGNORECASE | re.MULTILINE)


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
