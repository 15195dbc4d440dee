"""Kinds of object: the rows from which ids, tables, lookups, views and state files are derived."""

import pytest

from assistants_emulator.object_kinds import KINDS, VECTOR_STORE_FILE, ObjectKind
from assistants_emulator.store import key

STORED = [kind for kind in KINDS if kind.table]


@pytest.mark.parametrize("field", ["name", "table", "object"])
def test_no_two_stored_kinds_have_the_same(field: str) -> None:
    values = [getattr(kind, field) for kind in STORED]
    assert sorted(values) == sorted(set(values))


def test_no_two_kinds_make_ids_with_the_same_prefix() -> None:
    prefixes = [kind.prefix for kind in KINDS if not kind.is_shared]
    assert sorted(prefixes) == sorted(set(prefixes))


@pytest.mark.parametrize("kind", STORED, ids=lambda kind: kind.name)
def test_a_stored_object_shows_its_parents_id(kind: ObjectKind) -> None:
    assert {"id", "object", "created_at", kind.parent_field} - {""} <= set(kind.keys)


def test_a_file_in_a_vector_store_is_stored_once_for_each_store() -> None:
    entries = [{"id": "file-1", "vector_store_id": store_id} for store_id in ("vs_1", "vs_2")]
    assert [key(VECTOR_STORE_FILE.table, entry) for entry in entries] == ["vs_1/file-1", "vs_2/file-1"]
