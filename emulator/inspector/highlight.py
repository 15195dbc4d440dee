"""Code with its syntax marked: on the server, by classes, since the pages run no foreign script and no inline style.

Pygments is imported when the first code is shown. Which language a fence names is up to whoever wrote the message, so
only those listed here are looked up, and only so much of them: some lexers take long over text that is made for it.
"""

from __future__ import annotations

import json
from functools import lru_cache
from typing import Any

from markupsafe import Markup, escape

MOST_MARKED = 10_000  # characters; longer code is shown plain
LANGUAGES = frozenset(
    (
        *("bash", "c", "console", "cpp", "csharp", "css", "diff", "go", "html", "ini", "java", "javascript", "json"),
        *("kotlin", "php", "python", "r", "ruby", "rust", "sh", "shell", "sql", "swift", "toml", "typescript", "xml"),
        *("yaml", "c#", "c++", "cs", "js", "jsx", "py", "rb", "rs", "tsx", "ts", "yml"),
    )
)


def marked(code: Any, language: str) -> Markup:
    """Escaped, in spans with the short classes of Pygments; plain for a language that is not known."""
    code = str(code)  # what is missing in an object that somebody loaded is shown as nothing
    if language.lower() not in LANGUAGES or len(code) > MOST_MARKED:
        return escape(code)
    return _marked(code, language.lower())


def marked_json(value: Any) -> Markup:
    """JSON to read; text that holds JSON is taken for it, other text stands as it is."""
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
        lexer = get_lexer_by_name(language, stripnl=False, ensurenl=False)
    except ClassNotFound:  # by a version that is older or newer than ours
        return escape(code)
    return Markup(highlight(code, lexer, HtmlFormatter(nowrap=True)))
