"""Raw files with every ugly case give exactly the tables that were written down, and looked at, beside them.

After a wanted change: POSTLAKE_WRITE_GOLDEN=1 pytest tests/golden/test_sources.py, then read the difference.
"""

from __future__ import annotations

import io
import json
import os
from pathlib import Path
from typing import Any

import pytest

from pipelines.sources import SOURCES, Origin, Tables

HERE = Path(__file__).parent / "sources"
CASES = [
    ("reddit", "reddit_ugly.ndjson"),
    ("youtube", "youtube_ugly.ndjson"),
    ("youtube", "youtube_ugly.csv"),
    ("youtube", "ytdlp_ugly.info.json"),
    ("jsonl", "jsonl_ugly.jsonl"),
]


def described(batches: list[Tables]) -> dict[str, Any]:
    """The tables as JSON, without what every row shares and without nulls."""
    found: dict[str, Any] = {
        "records": {t: sum(b.records[t] for b in batches) for t in ("posts", "comments")},
        "problem": batches[-1].problem,
    }
    for name in ("posts", "comments", "authors", "quarantine"):
        rows = [row for batch in batches for row in getattr(batch, name).to_pylist()]
        found[name] = [
            {k: v for k, v in row.items() if v is not None and k not in ("source_file", "sha256")} for row in rows
        ]
    return json.loads(json.dumps(found, default=str))  # type: ignore[no-any-return]


@pytest.mark.parametrize(("source", "name"), CASES)
def test_ugly_file(source: str, name: str) -> None:
    origin = Origin("f" * 64, name)
    got = described(list(SOURCES[source]().read(io.BytesIO((HERE / name).read_bytes()), origin, b"golden key")))
    expected = HERE / f"{name}.expected.json"
    if os.environ.get("POSTLAKE_WRITE_GOLDEN"):
        expected.write_text(json.dumps(got, indent=1, ensure_ascii=True) + "\n")
    assert got == json.loads(expected.read_text())
