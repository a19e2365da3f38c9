"""Names of media objects: the SHA-256 of their bytes. Called by `examine` and by the media job when it stores one."""

from __future__ import annotations

import hashlib
import io
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO

Source = bytes | Path
"""An object: its bytes, or the local file that holds them."""


@contextmanager
def open_source(source: Source) -> Iterator[BinaryIO]:
    """The object as a seekable stream."""
    if isinstance(source, bytes):
        yield io.BytesIO(source)
    else:
        with source.open("rb") as stream:
            yield stream


def size_of(source: Source) -> int:
    """Bytes of the object."""
    return len(source) if isinstance(source, bytes) else source.stat().st_size


def content_id(source: Source) -> str:
    """SHA-256 of the object in hex, read in pieces, so that a large file is never held in memory."""
    with open_source(source) as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()  # type: ignore[arg-type]


def object_path(media_id: str) -> str:
    """Where the object lies, relative to the lake."""
    return f"media/objects/{media_id}"
