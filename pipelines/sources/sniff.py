"""What a file is, by its content. Used by the sources to refuse what is clearly another thing, and by cutting."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

import msgspec

HEAD_BYTES = 1 << 20
"""How much of a (decompressed) file is looked at to tell what it holds."""

BOM = b"\xef\xbb\xbf"

_MAGIC = (
    (b"\x89PNG\r\n", "a PNG image"),
    (b"\xff\xd8\xff", "a JPEG image"),
    (b"GIF8", "a GIF image"),
    (b"PAR1", "a Parquet file"),
    (b"ARROW1", "an Arrow file"),
    (b"PK\x03\x04", "a ZIP archive"),
    (b"%PDF", "a PDF"),
    (b"\xfd7zXZ", "an xz archive"),
    (b"7z\xbc\xaf", "a 7z archive"),
    (b"BZh", "a bzip2 archive"),
    (b"SQLite format 3", "a SQLite database"),
    (b"RIFF", "a RIFF media file"),
    (b"\x1aE\xdf\xa3", "a Matroska or WebM video"),
    (b"\x1f\x8b", "gzip inside another compression"),
    (b"\x28\xb5\x2f\xfd", "zstd inside another compression"),
    (b"\xff\xfe", "UTF-16 text"),
    (b"\xfe\xff", "UTF-16 text"),
)
_MARKUP = re.compile(rb"\s*<(!doctype|html|head|body|\?xml|svg|[a-z]+[\s>])", re.IGNORECASE)


def foreign_format(head: bytes) -> str | None:
    """A name for content that no source reads (image, archive, page, nothing at all, ...), else None."""
    if not head.removeprefix(BOM).strip():
        return "an empty file"
    for magic, name in _MAGIC:
        if head.startswith(magic):
            return name
    if head[4:8] == b"ftyp":
        return "an MP4 video"
    if _MARKUP.match(head.removeprefix(BOM)):
        return "an HTML or XML page"
    sample = head[:4096]
    controls = sum(byte < 9 or 13 < byte < 32 for byte in sample)
    # A damaged dump can hold a run of NUL bytes, but its lines are still there.
    if controls * 10 > len(sample) and not any(True for _ in json_lines(head, ended=True)):
        return "a binary file"
    return None


def json_lines(head: bytes, *, ended: bool) -> Iterator[bytes]:
    """The JSON objects and arrays that fill a line of `head` from its first byte; the last line counts if `ended`."""
    lines = head.removeprefix(BOM).split(b"\n")
    for line in lines if ended else lines[:-1]:
        if line[:1] in (b"{", b"[") and decode_any(line) is not None:
            yield line


def decode_any(line: bytes) -> Any:
    """The object or array that a line holds, else None."""
    if line.lstrip()[:1] not in (b"{", b"["):
        return None
    try:
        value = msgspec.json.decode(line)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return None
    return value if isinstance(value, dict | list) else None


def is_json_lines(head: bytes, *, ended: bool) -> bool:
    """Whether the first line is a whole JSON value, or so long that `head` does not hold its end."""
    text = head.removeprefix(BOM).lstrip()
    if text[:1] not in (b"{", b"["):
        return False
    first, newline, _ = text.partition(b"\n")
    if not newline and not ended:
        return True
    return decode_any(first) is not None
