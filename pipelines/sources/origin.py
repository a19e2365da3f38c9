"""Where a stream of bytes comes from. Made by ingest for each file or chunk, read by every source."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime


@dataclass(frozen=True)
class Origin:
    """The place of a stream in its input file."""

    source_file: str
    """SHA-256 of the whole input file, in hex."""
    name: str
    """The file's name, for messages."""
    offset: int = 0
    """Byte of the decompressed file at which this stream begins."""
    retrieved_at: datetime | None = None
    """When the file was got, with a time zone; used where a record does not say."""
    is_chunk: bool = False
    """A line-aligned piece of a file that `cutting.plan_chunks` or `cutting.reblock` cut."""
    default_table: str | None = None
    """For a chunk: the ledger table of the file's unreadable lines, as the plan told; else found in the file's head."""
    fault: str | None = None
    """For the last chunk of a damaged file: the fault that ended the file, as the plan told."""
