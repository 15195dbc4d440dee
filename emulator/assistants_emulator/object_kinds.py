"""The kinds of object that the API has, a row each: ids, table, parent, wire keys, expiry.

Everything that goes through all kinds is derived from these rows: id generation, the store's tables, lookups and their
404s, views of every fidelity, state files, the ids in recordings, expiry. A new kind is a new row.
"""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class ObjectKind:
    """One kind of object. See docs/reference/behaviour.md#ids and docs/reference/behaviour.md#id-prefixes.

    `id_length` is the number of characters after the `prefix`, hexadecimal or letters and digits; 0 for an object that
    shares the id of another, which its table then holds once for each parent. `expected_prefix` is the prefix as the
    API's 400 writes it, `word` the object's name in its 404. `object` is the value of the wire's `object` key,
    `schema_object` the published schema's where that differs. `keys` are all keys that the wire may show, in order.
    `table` is "" for what is not stored by itself; `listed_by` are the fields, besides the parent's id, by which the
    table lists its objects. `lasting` are the statuses in which `expires_at` is without effect; None where nothing
    expires by that field alone.
    """

    name: str
    prefix: str
    id_length: int
    hexadecimal: bool = False
    expected_prefix: str = ""
    word: str = ""
    object: str = ""
    schema_object: str = ""
    table: str = ""
    parent: ObjectKind | None = None
    listed_by: tuple[str, ...] = ()
    keys: tuple[str, ...] = ()
    lasting: frozenset[str] | None = None

    @property
    def parent_field(self) -> str:
        """The field that holds the parent's id; "" where there is no parent."""
        return f"{self.parent.name}_id" if self.parent is not None else ""

    @property
    def indexes(self) -> tuple[str, ...]:
        """The fields by which the table lists its objects."""
        return (*((self.parent_field,) if self.parent is not None else ()), *self.listed_by)

    @property
    def is_shared(self) -> bool:
        """True if the id is another object's and unique only within the parent."""
        return self.id_length == 0


ASSISTANT = ObjectKind(
    name="assistant",
    prefix="asst_",
    id_length=24,
    expected_prefix="asst",
    word="assistant",
    object="assistant",
    table="assistants",
    keys=(
        *("id", "object", "created_at", "name", "description", "model", "instructions", "tools", "top_p"),
        *("temperature", "reasoning_effort", "tool_resources", "metadata", "response_format"),
    ),
)
THREAD = ObjectKind(
    name="thread",
    prefix="thread_",
    id_length=24,
    expected_prefix="thread",
    word="thread",
    object="thread",
    table="threads",
    keys=("id", "object", "created_at", "metadata", "tool_resources"),
)
MESSAGE = ObjectKind(
    name="message",
    prefix="msg_",
    id_length=24,
    expected_prefix="msg",
    word="message",
    object="thread.message",
    table="messages",
    parent=THREAD,
    listed_by=("run_id", "_asked_in"),
    keys=(
        *("id", "object", "created_at", "assistant_id", "thread_id", "run_id", "status", "incomplete_details"),
        *("incomplete_at", "completed_at", "role", "content", "attachments", "metadata"),
    ),
)
RUN = ObjectKind(
    name="run",
    prefix="run_",
    id_length=24,
    expected_prefix="run",
    word="run",
    object="thread.run",
    table="runs",
    parent=THREAD,
    listed_by=("status",),
    keys=(
        *("id", "object", "created_at", "assistant_id", "thread_id", "status", "started_at", "expires_at"),
        *("cancelled_at", "failed_at", "completed_at", "required_action", "last_error", "model", "instructions"),
        *("tools", "tool_resources", "metadata", "temperature", "top_p", "reasoning_effort"),
        *("max_completion_tokens", "max_prompt_tokens", "truncation_strategy", "incomplete_details", "usage"),
        *("response_format", "tool_choice", "parallel_tool_calls"),
    ),
)
STEP = ObjectKind(
    name="step",
    prefix="step_",
    id_length=24,
    expected_prefix="step",
    word="run step",
    object="thread.run.step",
    table="steps",
    parent=RUN,
    keys=(
        *("id", "object", "created_at", "run_id", "assistant_id", "thread_id", "type", "status", "cancelled_at"),
        *("completed_at", "expires_at", "failed_at", "last_error", "step_details", "usage"),
    ),
)
CALL = ObjectKind(name="call", prefix="call_", id_length=24)
FILE = ObjectKind(
    name="file",
    prefix="file-",
    id_length=22,
    expected_prefix="file",
    word="file",
    object="file",
    table="files",
    listed_by=("purpose",),
    keys=("object", "id", "purpose", "filename", "bytes", "created_at", "expires_at", "status", "status_details"),
    lasting=frozenset(),
)
UPLOAD = ObjectKind(
    name="upload",
    prefix="upload_",
    id_length=32,
    hexadecimal=True,
    expected_prefix="upload",
    word="upload",
    object="upload",
    table="uploads",
    keys=("id", "object", "bytes", "created_at", "filename", "purpose", "status", "expires_at"),
    lasting=frozenset({"completed", "cancelled", "expired"}),
)
PART = ObjectKind(
    name="part",
    prefix="part_",
    id_length=32,
    hexadecimal=True,
    expected_prefix="part",
    word="part",
    object="upload.part",
    table="parts",
    parent=UPLOAD,
    keys=("id", "object", "created_at", "upload_id"),
)
VECTOR_STORE = ObjectKind(
    name="vector_store",
    prefix="vs_",
    id_length=32,
    hexadecimal=True,
    expected_prefix="vs_",
    word="vector store",
    object="vector_store",
    table="vector_stores",
    keys=(
        *("id", "object", "created_at", "name", "description", "usage_bytes", "file_counts", "status"),
        *("expires_after", "expires_at", "last_active_at", "metadata"),
    ),
    lasting=frozenset({"expired"}),
)
VECTOR_STORE_FILE = ObjectKind(
    name="vector_store_file",
    prefix=FILE.prefix,
    id_length=0,
    expected_prefix="file",
    word="file",
    object="vector_store.file",
    table="vector_store_files",
    parent=VECTOR_STORE,
    listed_by=("batch_id",),
    keys=(
        *("id", "object", "usage_bytes", "created_at", "vector_store_id", "status", "last_error"),
        *("chunking_strategy", "attributes"),
    ),
)
FILE_BATCH = ObjectKind(
    name="vector_store_file_batch",
    prefix="vsfb_",
    id_length=32,
    hexadecimal=True,
    expected_prefix="vsfb_",
    word="file batch",
    object="vector_store.file_batch",
    schema_object="vector_store.files_batch",
    table="vector_store_file_batches",
    parent=VECTOR_STORE,
    keys=("id", "object", "created_at", "status", "vector_store_id", "file_counts"),
)

RESPONSE = ObjectKind(
    name="response",
    prefix="resp_",
    id_length=50,
    hexadecimal=True,
    expected_prefix="resp",
    word="response",
    object="response",
    table="responses",
    listed_by=("_conversation_id", "_digest"),
    keys=(
        *("id", "object", "created_at", "status", "background", "billing", "completed_at", "conversation", "error"),
        *("frequency_penalty", "incomplete_details", "instructions", "max_output_tokens", "max_tool_calls", "model"),
        *("moderation", "output", "parallel_tool_calls", "presence_penalty", "previous_response_id"),
        *("prompt_cache_key", "prompt_cache_options", "prompt_cache_retention", "reasoning", "safety_identifier"),
        *("service_tier", "store"),
        *("temperature", "text", "tool_choice", "tool_usage", "tools", "top_logprobs", "top_p", "truncation", "usage"),
        *("user", "metadata"),
    ),
)
"""The keys are those of August 2026; `conversation`, `billing`, `prompt_cache_options` are not always there."""
CONVERSATION = ObjectKind(
    name="conversation",
    prefix="conv_",
    id_length=48,
    hexadecimal=True,
    expected_prefix="conv",
    word="conversation",
    object="conversation",
    table="conversations",
    keys=("id", "object", "created_at", "metadata"),
)
FUNCTION_ITEM = ObjectKind(name="function_item", prefix="fc_", id_length=50, hexadecimal=True)
FILE_SEARCH_ITEM = ObjectKind(name="file_search_item", prefix="fs_", id_length=50, hexadecimal=True)
CODE_ITEM = ObjectKind(name="code_item", prefix="ci_", id_length=50, hexadecimal=True)
REASONING_ITEM = ObjectKind(name="reasoning_item", prefix="rs_", id_length=50, hexadecimal=True)
CONTAINER = ObjectKind(
    name="container",
    prefix="cntr_",
    id_length=48,
    hexadecimal=True,
    expected_prefix="cntr",
    word="container",
    object="container",
    table="containers",
    keys=(
        *("id", "object", "created_at", "status", "expires_after", "last_active_at", "memory_limit", "name"),
        "network_policy",
    ),
    lasting=frozenset({"expired"}),
)
CONTAINER_FILE = ObjectKind(
    name="container_file",
    prefix="cfile_",
    id_length=32,
    hexadecimal=True,
    expected_prefix="cfile",
    word="container file",
    object="container.file",
    table="container_files",
    parent=CONTAINER,
    keys=("id", "object", "created_at", "bytes", "container_id", "path", "source"),
)

KINDS = (
    *(ASSISTANT, THREAD, MESSAGE, RUN, STEP, CALL, FILE, UPLOAD, PART),
    *(VECTOR_STORE, VECTOR_STORE_FILE, FILE_BATCH),
    *(RESPONSE, CONVERSATION, FUNCTION_ITEM, FILE_SEARCH_ITEM, CODE_ITEM, REASONING_ITEM, CONTAINER, CONTAINER_FILE),
)
KIND_OF = {kind.name: kind for kind in KINDS}
