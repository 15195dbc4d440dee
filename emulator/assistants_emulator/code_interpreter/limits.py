"""How much a piece of code may use before it is stopped."""

from __future__ import annotations

from dataclasses import dataclass

MiB = 1024 * 1024


@dataclass(frozen=True, slots=True, kw_only=True)
class Limits:
    """Seconds and bytes of one call. The wall clock, the logs and the kept files are watched by us, everywhere.

    CPU time, memory, file size and open files are the system's (`setrlimit`): not on Windows, and macOS takes no limit
    on memory. Processes are not counted, for the system's count is of all that the user runs; they are refused
    instead. The disk in all is looked at every DISK_SECONDS.
    """

    cpu_seconds: int = 30
    wall_seconds: float = 60.0
    memory_bytes: int = 2048 * MiB  # address space, of which numerical libraries reserve more than they use
    file_bytes: int = 64 * MiB
    disk_bytes: int = 512 * MiB
    open_files: int = 256
    log_bytes: int = MiB
    kept_files: int = 100
    kept_bytes: int = 64 * MiB
    network: bool = False
    processes: bool = False


DEFAULT = Limits()
