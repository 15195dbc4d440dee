"""Files and vector stores handed to the tools. Only what is created may bring `vector_stores` to be made on the way."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field, model_validator

from assistants_emulator.contract import error_texts
from assistants_emulator.contract.base import Body, Metadata
from assistants_emulator.contract.unions import refuse
from assistants_emulator.contract.vector_stores import ChunkingStrategy

VectorStoreIds = Annotated[list[str], Field(max_length=1)]


class CodeInterpreterResources(Body):
    file_ids: Annotated[list[str], Field(max_length=20)] | None = None


class FileSearchResources(Body):
    vector_store_ids: VectorStoreIds | None = None


class ToolResources(Body):
    """For a modify or a run."""

    code_interpreter: CodeInterpreterResources | None = None
    file_search: FileSearchResources | None = None


class NewVectorStore(Body):
    file_ids: Annotated[list[str], Field(max_length=10_000)] | None = None
    chunking_strategy: ChunkingStrategy | None = None
    metadata: Metadata | None = None


class NewFileSearchResources(FileSearchResources):
    vector_stores: Annotated[list[NewVectorStore], Field(max_length=1)] | None = None

    @model_validator(mode="after")
    def names_or_makes_stores(self) -> NewFileSearchResources:
        if self.vector_store_ids and self.vector_stores:
            raise refuse(lambda path: error_texts.mutually_exclusive(path, "vector_store_ids", "vector_stores"))
        return self


class NewToolResources(Body):
    """For the creation of an assistant or a thread."""

    code_interpreter: CodeInterpreterResources | None = None
    file_search: NewFileSearchResources | None = None
