"""Damage on purpose: corrupt lines, a truncated dump, broken media files; each recorded in the truth."""

from __future__ import annotations

import re
from pathlib import Path

import numpy as np
import zstandard

from pipelines.synthetic.files import LEVEL, ZstLines
from pipelines.synthetic.truth import Truth
from pipelines.synthetic.world import FINE, IMAGE, Posts

CORRUPT = ("cut", "not_object", "invalid_utf8", "no_json")
BROKEN = ("truncated", "empty", "not_media")
_FLUSH_LINES = 24
_NATIVE_ID = re.compile(r'"id": ?"')


def corrupt(lines: list[str], file: str, sink: ZstLines, turn: int, truth: Truth) -> list[str]:
    """The lines with one unreadable line after the first; the sink says at which byte of the file they begin."""
    if not lines:
        return lines
    kind = CORRUPT[turn % len(CORRUPT)]
    model = lines[0].rstrip("\n")
    bad = {
        "cut": model[: len(model) * 2 // 3],
        "not_object": '["a list", "is", "no record"]',
        "invalid_utf8": _NATIVE_ID.sub("\\g<0>\xff\xfe", model, count=1),
        "no_json": "\x00\x01\x02 <html>502 Bad Gateway</html>",
    }[kind]
    offset = sink.num_bytes + len(lines[0])
    truth.add("corrupt_line", file=file, how=kind, line=sink.num_lines + 1, offset=offset, length=len(bad))
    return [lines[0], bad + "\n", *lines[1:]]


def write_truncated(path: Path, lines: list[str]) -> int:
    """Write a frame that stops two thirds in, in the middle of a line; returns how many whole lines can be read."""
    sink = zstandard.ZstdCompressor(level=LEVEL).compressobj()
    parts = []
    for start in range(0, len(lines), _FLUSH_LINES):
        parts.append(sink.compress("".join(lines[start : start + _FLUSH_LINES]).encode("latin-1")))
        parts.append(sink.flush(zstandard.COMPRESSOBJ_FLUSH_BLOCK))
    whole = b"".join(parts)
    kept = whole[: len(whole) * 2 // 3]
    path.write_bytes(kept)
    return zstandard.ZstdDecompressor().decompressobj().decompress(kept).count(b"\n")


def broken_rows(posts: Posts) -> dict[int, str]:
    """Which drawn pictures of the stretch to break, and how: one of each kind, where there are more than 20."""
    lonely = (posts.form == IMAGE) & posts.drawn & (posts.source < 0) & (posts.state == FINE)
    lonely[posts.source[posts.source >= 0]] = False
    rows = np.flatnonzero(lonely).tolist()
    return dict(zip(rows[-len(BROKEN) :], BROKEN, strict=True)) if len(rows) > 20 else {}


def broken_bytes(data: bytes, how: str) -> bytes:
    """The file's bytes after the damage."""
    return {"truncated": data[: len(data) * 2 // 5], "empty": b"", "not_media": b"<html>404 Not Found</html>\n"}[how]
