"""Helper processes: what a stranger's document, pattern or schema makes the emulator do ends within limits.

`READERS` read documents, `MATCHERS` match patterns and validate by schemas. Helpers start when they are first needed,
stay for the next task, and are killed when one takes too long.
"""

from assistants_emulator.processes.pool import MATCHERS, READERS, HelperDied, Pool, TookTooLong, release, use

__all__ = ["MATCHERS", "READERS", "HelperDied", "Pool", "TookTooLong", "release", "use"]
