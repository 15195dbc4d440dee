"""Messages and code as HTML. Markdown may hold no HTML, fetches no image, and its links run nothing.

Citations become footnote marks. They pass through the markdown as private characters, which are turned into links only
in text, never inside an attribute.

Syntax is highlighted on the server, by classes: the pages allow no foreign script and no inline style. Pygments is
imported when code is first shown. A message's author chooses the language, so only those listed here are looked up,
and only for code of bounded length: some lexers take long over text that is made for it.
"""

from __future__ import annotations

import json
import re
from collections.abc import Sequence
from functools import cache, lru_cache
from typing import TYPE_CHECKING, Any

from markdown_it import MarkdownIt
from markdown_it.renderer import RendererHTML
from markdown_it.token import Token
from markupsafe import Markup, escape

from assistants_emulator.store import Object

if TYPE_CHECKING:  # markdown-it-py before 3 does not have them
    from markdown_it.utils import EnvType, OptionsDict

MOST_SHOWN = 20_000  # characters of one text; the message's JSON has the rest
OPENING, CLOSING = "\ue000", "\ue001"
_MARK = re.compile(f"{OPENING}(\\d+){CLOSING}")
_PRIVATE = str.maketrans({OPENING: "\ufffd", CLOSING: "\ufffd"})
MOST_MARKED = 10_000  # characters; longer code is shown plain
LANGUAGES = frozenset(
    (
        *("bash", "c", "console", "cpp", "csharp", "css", "diff", "go", "html", "ini", "java", "javascript", "json"),
        *("kotlin", "php", "python", "r", "ruby", "rust", "sh", "shell", "sql", "swift", "toml", "typescript", "xml"),
        *("yaml", "c#", "c++", "cs", "js", "jsx", "py", "rb", "rs", "tsx", "ts", "yml"),
    )
)
LONG_NAMES = {"cs": "csharp", "jsx": "javascript", "tsx": "typescript", "yml": "yaml"}
"""For Pygments, which learned these short names with 2.11, 2.17, 2.19 and 2.21."""
_AWAY = 'rel="noopener noreferrer" target="_blank"'


def rendered(value: str, annotations: Sequence[Object] = (), prefix: str = "") -> Markup:
    """The text as HTML; `prefix` begins the ids of the footnotes that the marks lead to."""
    text = value.translate(_PRIVATE)
    for number, note in reversed(list(enumerate(annotations))):
        start, end = note.get("start_index"), note.get("end_index")
        if note.get("type") == "file_citation" and isinstance(start, int) and isinstance(end, int) and 0 <= start < end:
            text = f"{text[:start]}{OPENING}{number}{CLOSING}{text[end:]}"
    return _html(text, prefix)


@lru_cache(maxsize=4096)
def _html(text: str, prefix: str) -> Markup:
    cut = "\n\n…" if len(text) > MOST_SHOWN else ""
    environment: dict[str, Any] = {"prefix": prefix}
    return Markup(_markdown().render(text[:MOST_SHOWN] + cut, environment))


def _footnote(number: int, prefix: str) -> str:
    return f'<sup class="cite"><a href="#{escape(prefix)}-{number}">{number + 1}</a></sup>'


def _unmarked(text: str) -> str:
    return _MARK.sub(lambda mark: f"[{int(mark[1]) + 1}]", text)


def _plain(text: str) -> str:
    return str(escape(_unmarked(text)))


@cache
def _markdown() -> MarkdownIt:
    parser = MarkdownIt("commonmark", {"html": False}, renderer_cls=_Renderer)
    return parser.enable(["table", "strikethrough"])


class _Renderer(RendererHTML):
    def text(self, tokens: Sequence[Token], index: int, options: OptionsDict, env: EnvType) -> str:
        return _MARK.sub(lambda mark: _footnote(int(mark[1]), env["prefix"]), str(escape(tokens[index].content)))

    def code_inline(self, tokens: Sequence[Token], index: int, options: OptionsDict, env: EnvType) -> str:
        return f"<code>{_plain(tokens[index].content)}</code>"

    def code_block(self, tokens: Sequence[Token], index: int, options: OptionsDict, env: EnvType) -> str:
        return f'<pre tabindex="0"><code>{_plain(tokens[index].content)}</code></pre>\n'

    def fence(self, tokens: Sequence[Token], index: int, options: OptionsDict, env: EnvType) -> str:
        language = (tokens[index].info.split() or [""])[0]
        label = f' data-language="{escape(language)}"' if language else ""
        return f'<pre tabindex="0"{label}><code>{marked(_unmarked(tokens[index].content), language)}</code></pre>\n'

    def image(self, tokens: Sequence[Token], index: int, options: OptionsDict, env: EnvType) -> str:
        """A link instead: showing the image would send a request to a foreign server."""
        token = tokens[index]
        text = self.renderInlineAsText(token.children, options, env) or "image"
        return f'<a href="{escape(token.attrGet("src") or "")}" {_AWAY}>{_plain(text)}</a>'

    def link_open(self, tokens: Sequence[Token], index: int, options: OptionsDict, env: EnvType) -> str:
        tokens[index].attrSet("rel", "noopener noreferrer")
        tokens[index].attrSet("target", "_blank")
        return self.renderToken(tokens, index, options, env)


def marked(code: Any, language: str) -> Markup:
    """Escaped code in spans with the short classes of Pygments; without spans for a language that is not listed."""
    code = str(code)  # a field that a loaded state lacks is shown as nothing
    if language.lower() not in LANGUAGES or len(code) > MOST_MARKED:
        return escape(code)
    return _marked(code, language.lower())


def marked_json(value: Any) -> Markup:
    """Indented, highlighted JSON; a string is parsed as JSON first, and only escaped if it is none."""
    if isinstance(value, str):
        try:
            value = json.loads(value)
        except ValueError:
            return escape(value)
    return marked(json.dumps(value, indent=2, ensure_ascii=False, default=str), "json")


@lru_cache(maxsize=512)
def _marked(code: str, language: str) -> Markup:
    from pygments import highlight
    from pygments.formatters.html import HtmlFormatter
    from pygments.lexers import get_lexer_by_name
    from pygments.util import ClassNotFound

    try:
        lexer = get_lexer_by_name(LONG_NAMES.get(language, language), stripnl=False, ensurenl=False)
    except ClassNotFound:  # by a version that is older or newer than ours
        return escape(code)
    return Markup(highlight(code, lexer, HtmlFormatter(nowrap=True)))
