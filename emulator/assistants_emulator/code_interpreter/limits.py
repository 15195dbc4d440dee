"""Limits of one execution."""

from __future__ import annotations

from dataclasses import dataclass

MiB = 1024 * 1024


@dataclass(frozen=True, slots=True, kw_only=True)
class Limits:
    """Seconds and bytes of one call; wall clock, logs and kept files are limited on every system.

    CPU time, memory, file size and open files are limited by `setrlimit`: not on Windows, and macOS takes no limit on
    memory. Processes are refused, not counted, since the system counts all processes of the user. Nothing limits the
    disk in all, only each file.
    """

    cpu_seconds: int = 30
    wall_seconds: float = 60.0
    memory_bytes: int = 2048 * MiB  # address space, of which numerical libraries reserve more than they use
    file_bytes: int = 64 * MiB
    open_files: int = 256
    log_bytes: int = MiB
    kept_files: int = 100
    kept_bytes: int = 64 * MiB
    network: bool = False
    processes: bool = False


DEFAULT = Limits()
