"""One small world with everything in it, made once for all tests of the package."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq
import pytest
import zstandard

from pipelines.synthetic import Summary, synthesize

SEED = 5
POSTS = 260


@dataclass(frozen=True)
class World:
    """A written world and its summary."""

    out: Path
    summary: Summary

    def facts(self, kind: str = "") -> list[dict[str, Any]]:
        """Rows of truth.parquet, all or of one kind."""
        rows = pq.read_table(self.out / "truth.parquet").to_pylist()
        return [row for row in rows if not kind or row["kind"] == kind]

    def shown(self) -> list[dict[str, Any]]:
        """Rows of truth_posts.parquet."""
        rows: list[dict[str, Any]] = pq.read_table(self.out / "truth_posts.parquet").to_pylist()
        return rows

    def reddit(self, prefix: str) -> Iterator[tuple[str, dict[str, Any]]]:
        """(file, record) of all readable records in the RS or RC dumps."""
        for path in sorted((self.out / "reddit").glob(f"{prefix}_*.zst")):
            for line in lines_of(path):
                record = parsed(line)
                if isinstance(record, dict):
                    yield f"reddit/{path.name}", record

    def responses(self, name: str) -> Iterator[tuple[str, dict[str, Any]]]:
        """(file, response) of all Data API files whose name begins so."""
        for path in sorted((self.out / "youtube").glob(f"{name}_*")):
            text = path.read_text()
            for document in [text] if path.suffix == ".json" else text.splitlines():
                yield f"youtube/{path.name}", json.loads(document)


def lines_of(path: Path) -> list[bytes]:
    """All whole lines of a dump, over all of its frames and up to where it stops."""
    data, text = path.read_bytes(), b""
    while data:
        frame = zstandard.ZstdDecompressor(max_window_size=2**31).decompressobj()
        text += frame.decompress(data)
        data = frame.unused_data
    return text.split(b"\n")[:-1]


def parsed(line: bytes) -> Any:
    """The line's JSON value, or None where it is none."""
    try:
        return json.loads(line)
    except ValueError:
        return None


@pytest.fixture(scope="session")
def world(tmp_path_factory: pytest.TempPathFactory) -> World:
    out = tmp_path_factory.mktemp("synthetic") / "world"
    return World(out, synthesize(out, posts=POSTS, seed=SEED))
