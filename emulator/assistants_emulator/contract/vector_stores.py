"""Bodies of vector stores, their files and batches of them. See docs/reference/behaviour.md#vector-stores."""

from __future__ import annotations

from functools import partial
from typing import Annotated, Any, Literal

from pydantic import Field, model_validator

from assistants_emulator.contract import error_texts
from assistants_emulator.contract.base import Attributes, Body, Fraction, Metadata, ResultCount
from assistants_emulator.contract.unions import ByKind, ByType, refuse
from assistants_emulator.errors import missing_parameter

MAX_FIRST_FILES = 100
"""The service answered with this limit (recorded 2024-12), while the documents say 500."""

MAX_BATCH = 2000


class AutoChunking(Body):
    type: Literal["auto"]


class ChunkSizes(Body):
    max_chunk_size_tokens: Annotated[int, Field(ge=100, le=4096)]
    chunk_overlap_tokens: Annotated[int, Field(ge=0)]

    @model_validator(mode="after")
    def overlaps_at_most_by_half(self) -> ChunkSizes:
        half = self.max_chunk_size_tokens // 2
        if self.chunk_overlap_tokens > half:
            raise refuse(partial(error_texts.long_overlap, limit=half, overlap=self.chunk_overlap_tokens))
        return self


class StaticChunking(Body):
    type: Literal["static"]
    static: ChunkSizes


ChunkingStrategy = Annotated[AutoChunking | StaticChunking, ByType()]


class ExpiresAfter(Body):
    anchor: Literal["last_active_at"]
    days: Annotated[int, Field(ge=1, le=365)]


class CreateVectorStore(Body):
    file_ids: Annotated[list[str], Field(max_length=MAX_FIRST_FILES)] | None = None
    name: str | None = None
    description: str | None = None
    expires_after: ExpiresAfter | None = None
    chunking_strategy: ChunkingStrategy | None = None
    metadata: Metadata | None = None


class UpdateVectorStore(Body):
    name: str | None = None
    expires_after: ExpiresAfter | None = None
    metadata: Metadata | None = None


class CreateVectorStoreFile(Body):
    file_id: str
    chunking_strategy: ChunkingStrategy | None = None
    attributes: Attributes | None = None


class UpdateVectorStoreFile(Body):
    attributes: Attributes | None


class CreateVectorStoreFileBatch(Body):
    file_ids: Annotated[list[str], Field(min_length=1, max_length=MAX_BATCH)] | None = None
    files: Annotated[list[CreateVectorStoreFile], Field(min_length=1, max_length=MAX_BATCH)] | None = None
    chunking_strategy: ChunkingStrategy | None = None
    attributes: Attributes | None = None

    @model_validator(mode="after")
    def lists_files_once(self) -> CreateVectorStoreFileBatch:
        if self.file_ids is not None and self.files is not None:
            raise refuse(lambda path: error_texts.mutually_exclusive(path, "file_ids", "files"))
        if self.file_ids is None and self.files is None:
            raise refuse(lambda _: missing_parameter("file_ids"))
        return self


class ComparisonFilter(Body):
    type: Literal["eq", "ne", "gt", "gte", "lt", "lte", "in", "nin"]
    key: str
    value: Annotated[
        str | float | bool | list[Any],
        ByKind({"string": "a string", "number": "number", "boolean": "boolean", "array": "array"}),
    ]


class CompoundFilter(Body):
    type: Literal["and", "or"]
    filters: list[Filter]


Filter = Annotated[ComparisonFilter | CompoundFilter, ByType()]


class SearchRanking(Body):
    ranker: Literal["none", "auto", "default-2024-11-15"] | None = None
    score_threshold: Fraction | None = None


class SearchVectorStore(Body):
    query: Annotated[
        str | Annotated[list[str], Field(min_length=1)], ByKind({"string": "a string", "array": "array of strings"})
    ]
    rewrite_query: bool | None = None
    max_num_results: ResultCount | None = None
    filters: Filter | None = None
    ranking_options: SearchRanking | None = None


CompoundFilter.model_rebuild()
