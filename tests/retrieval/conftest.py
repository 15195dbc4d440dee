from __future__ import annotations

import io
import zipfile
import zlib
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from assistants_emulator.retrieval import Index, chunk

DOCUMENTS = Path(__file__).parents[2] / "fixtures" / "documents"


@pytest.fixture
def document() -> Callable[[str], bytes]:
    """document(name): the bytes of a file of fixtures/documents."""
    return lambda name: (DOCUMENTS / name).read_bytes()


@pytest.fixture
def index() -> Iterator[Index]:
    index = Index()
    yield index
    index.close()


@pytest.fixture
def put(index: Index) -> Callable[..., None]:
    """put(name, text, attribute=value): a file of the store vs_1 (or `store=`), in small chunks (or `size=` tokens)."""

    def add(name: str, text: str, *, store: str = "vs_1", size: int = 100, **attributes: object) -> None:
        index.add(store, f"file-{name}", f"{name}.txt", attributes, chunk(text, size, size // 2))

    return add


@pytest.fixture
def repacked(document: Callable[[str], bytes]) -> Callable[[str, bytes], bytes]:
    """repacked(member, content): the travel policy with one member of its archive replaced."""

    def repack(name: str, content: bytes) -> bytes:
        source, copy = zipfile.ZipFile(io.BytesIO(document("travel_policy.docx"))), io.BytesIO()
        with zipfile.ZipFile(copy, "w", zipfile.ZIP_DEFLATED) as written:
            for member in source.namelist():
                written.writestr(member, content if member == name else source.read(member))
        return copy.getvalue()

    return repack


@pytest.fixture
def pdf_of() -> Callable[..., bytes]:
    """pdf_of(content, pages=1, form=b""): a PDF that shows this content on each page, with a form F and a font F1."""

    def make(content: bytes, pages: int = 1, form: bytes = b"") -> bytes:
        resources = b"/Resources << /Font << /F1 5 0 R >> /XObject << /F 6 0 R >> >>"
        page = b"<< /Type /Page /Parent 2 0 R /MediaBox [0 0 9 9] %s /Contents 4 0 R >>" % resources
        return _pdf(
            b"<< /Type /Catalog /Pages 2 0 R >>",
            b"<< /Type /Pages /Kids [%s] /Count %d >>" % (b"3 0 R " * pages, pages),
            page,
            _stream(content),
            b"<< /Type /Font /Subtype /Type1 /BaseFont /Helvetica >>",
            _stream(form, b"/Type /XObject /Subtype /Form /BBox [0 0 9 9] " + resources),
        )

    return make


def _stream(content: bytes, entries: bytes = b"") -> bytes:
    packed = zlib.compress(content)
    return b"<< /Length %d /Filter /FlateDecode %s >>\nstream\n%s\nendstream" % (len(packed), entries, packed)


def _pdf(*objects: bytes) -> bytes:
    body, places = b"%PDF-1.4\n", []
    for number, content in enumerate(objects, 1):
        places.append(b"%010d 00000 n \n" % len(body))
        body += b"%d 0 obj\n%s\nendobj\n" % (number, content)
    size, table = len(objects) + 1, b"".join(places)
    end = b"trailer\n<< /Size %d /Root 1 0 R >>\nstartxref\n%d\n%%%%EOF\n" % (size, len(body))
    return body + b"xref\n0 %d\n0000000000 65535 f \n" % size + table + end
