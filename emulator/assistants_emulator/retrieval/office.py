"""Word and PowerPoint files: zip archives of XML, opened by python-docx and python-pptx.

They open a copy of the archive's XML that is made within limits: `ZipFile.read` unpacks all that a member holds, so an
archive whose directory lies about sizes would fill the memory. Other members, such as pictures, are empty in the copy.
"""

from __future__ import annotations

import io
import re
import zipfile
from collections.abc import Iterable, Iterator
from typing import Any

from assistants_emulator.retrieval.unreadable import invalid, too_large

MAX_UNPACKED = 100_000_000  # bytes
MAX_RATIO = 200  # unpacked to packed; documents reach 20, a bomb of zeros 1,000
MAX_MEMBERS = 10_000
MAX_TAGS = 2_000_000  # in all the XML, as 1,500 pages have; however short, an element takes 300 bytes when parsed
_DECLARED = re.compile(rb"""[^<]{0,8}<\?xml[^>]*?encoding\s*=\s*["']([^"']*)""")
_OTHER_BEGINNINGS = (b"\xff\xfe\0\0", b"\0\0\xfe\xff", b"<\0\0\0", b"\0\0\0<", b"\x4c\x6f\xa7\x94", b"+/v")
"""Of XML in UTF-32, EBCDIC and UTF-7, which need no declaration."""


def word(data: bytes) -> str:
    """Return the paragraphs in order, text boxes too; a table row is one line, its cells split by tabs."""
    from docx import Document
    from docx.oxml.ns import qn

    tags = {qn(f"w:{name}"): name for name in ("p", "tr", "tc", "t", "tab", "br", "cr", "noBreakHyphen")}
    return _text(Document(_xml_only(data)).element.body, tags)


def slides(data: bytes) -> str:
    """Return the slides in order, split by empty lines, each followed by its notes; table rows as in `word`."""
    from pptx import Presentation
    from pptx.oxml.ns import qn

    tags = {qn(f"a:{name}"): name for name in ("p", "tr", "tc", "t", "br")}
    roots = _slide_elements(Presentation(_xml_only(data)).slides)
    return "\n\n".join(_text(root, tags) for root in roots)


def _slide_elements(slides: Iterable[Any]) -> Iterator[Any]:
    """Yield each slide once, however often a hostile file lists it, and its notes."""
    names = set()
    for slide in slides:
        if slide.part.partname not in names:
            names.add(slide.part.partname)
            yield slide.element
            if slide.has_notes_slide:
                yield slide.notes_slide._element


def _text(root: Any, tags: dict[str, str]) -> str:
    """Return the text under an XML element; `tags` maps the format's tags to names that both formats share.

    Walks the XML itself: `row.cells` repeats a cell as often as its `gridSpan` says, which may be two billion times.
    """
    pieces: list[str] = []
    is_first_cell, before_paragraph = False, ""
    for element in root.iter(*tags):
        name = tags[element.tag]
        if name == "p":
            pieces.append(before_paragraph or "\n")
            before_paragraph = ""
        elif name == "tr":
            is_first_cell = True
        elif name == "tc":
            before_paragraph = "\n" if is_first_cell else "\t"
            is_first_cell = False
        else:
            pieces.append(_characters(name, element))
    return "".join(pieces).strip()


def _characters(name: str, element: Any) -> str:
    if name == "t":
        return element.text or ""
    if name == "tab":  # the same tag is also a tab stop of a paragraph's style
        return "\t" if element.getparent().tag.endswith("}r") else ""
    return "-" if name == "noBreakHyphen" else "\n"


def _xml_only(data: bytes) -> io.BytesIO:
    """Return a copy of the archive with its XML only; Unreadable if it is damaged or over a limit."""
    try:
        archive = zipfile.ZipFile(io.BytesIO(data))
    except zipfile.BadZipFile:
        raise invalid("is damaged") from None
    members = archive.infolist()
    _refuse_bombs(members, len(data))
    copy = io.BytesIO()
    with zipfile.ZipFile(copy, "w") as target:
        tags = 0
        for member in members:
            content = _content(archive, member)
            tags += content.count(b"<")
            if tags > MAX_TAGS:
                raise too_large()
            target.writestr(member.filename, content)
    copy.seek(0)
    return copy


def _refuse_bombs(members: list[zipfile.ZipInfo], packed: int) -> None:
    """Raise Unreadable if the sizes in the archive's directory are over a limit, before anything is unpacked."""
    unpacked = sum(member.file_size for member in members)
    if unpacked > MAX_UNPACKED or unpacked > MAX_RATIO * packed or len(members) > MAX_MEMBERS:
        raise too_large()


def _content(archive: zipfile.ZipFile, member: zipfile.ZipInfo) -> bytes:
    """Return at most as many bytes as the directory says; b"" for a member that is not XML."""
    if not member.filename.endswith((".xml", ".rels")):
        return b""
    with archive.open(member) as file:
        content = file.read(member.file_size)
    _refuse_encodings(content)
    return content


def _refuse_encodings(xml: bytes) -> None:
    """All but UTF-8 and UTF-16: in others the XML may be many times as large, or hide what is counted here."""
    declared = _DECLARED.match(xml[:400].replace(b"\0", b""))
    encoding = declared[1].lower() if declared else b"utf-8"
    if encoding not in (b"utf-8", b"utf-16", b"us-ascii") or xml.startswith(_OTHER_BEGINNINGS):
        raise invalid("is not encoded as UTF-8, UTF-16 or ASCII")
