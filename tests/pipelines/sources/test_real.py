"""Real files: every raw record, counted here by other means, is a row or a quarantine row. Prints nothing of them."""

from __future__ import annotations

import csv
import gzip
import io
import json
import os
from pathlib import Path
from typing import Any

import pytest
import zstandard

from pipelines.sources import SOURCES

ROOT = Path(os.environ.get("POSTLAKE_REAL_DATA", Path(__file__).parents[4] / "shared" / "data"))
pytestmark = [
    pytest.mark.real,
    pytest.mark.skipif(not ROOT.is_dir(), reason="no real data: set POSTLAKE_REAL_DATA or provide ../shared/data"),
]

Counts = tuple[int, int]


def plain(path: Path) -> bytes:
    data = path.read_bytes()
    if path.suffix == ".zst":
        reader = zstandard.ZstdDecompressor(max_window_size=1 << 31).stream_reader(
            io.BytesIO(data), read_across_frames=True
        )
        return reader.read()  # type: ignore[no-any-return]
    return gzip.decompress(data) if path.suffix == ".gz" else data


def reddit_counts(path: Path) -> Counts:
    records = [json.loads(line) for line in plain(path).splitlines() if line.strip()]
    posts = sum("title" in record for record in records)
    return posts, len(records) - posts


def csv_counts(path: Path) -> Counts:
    rows = list(csv.reader(io.StringIO(plain(path).decode("utf-8-sig"), newline="")))
    return (len(rows) - 1, 0) if "title" in rows[0] else (0, len(rows) - 1)


def api_counts(path: Path) -> Counts | None:
    """Videos and comments of API JSON; None for a document of another kind."""
    text = plain(path).decode()
    try:
        documents = [json.loads(text)]
    except json.JSONDecodeError:
        documents = [json.loads(line) for line in text.splitlines()]
    posts = comments = 0
    known = {"youtube#video", "youtube#commentThread", "youtube#comment"}
    for document in documents:
        if str(document.get("kind")).removesuffix("ListResponse") not in known:
            return None
        for item in document.get("items", [document]):
            posts += item["kind"] == "youtube#video"
            comments += item["kind"] != "youtube#video"
            comments += len(item.get("replies", {}).get("comments", []))
    return posts, comments


def info_counts(path: Path) -> Counts:
    document = json.loads(plain(path))
    if document["_type"] == "playlist":
        return len(document["entries"]), 0
    return 1, len(document.get("comments") or [])


SETS = {
    "reddit_pushshift_zst": ("reddit", "**/*.zst", reddit_counts, (13050, 1075)),
    "reddit_pmaw": ("reddit", "*.gz", reddit_counts, (3329, 2019)),
    "reddit_api_listings": ("reddit", "*.ndjson", reddit_counts, (259, 435)),
    "reddit_arctic_shift_sample": ("reddit", "**/*.json", reddit_counts, (31, 27)),
    "youtube_brand_videos_comments": ("youtube", "**/*.csv", csv_counts, (74, 17400)),
    "youtube_trending_2017_us_gb": ("youtube", "**/*.csv", csv_counts, (15997, 1380)),
    "youtube_api_fixtures": ("youtube", "**/*.*json", api_counts, None),
    "ytdlp_info_json": ("youtube", "**/*.json", info_counts, (2, 0)),
}


@pytest.mark.parametrize("name", SETS)
def test_every_record_is_accounted_for(read_all: Any, name: str) -> None:
    source, pattern, counter, stated = SETS[name]
    if not (ROOT / name).is_dir():
        pytest.skip(f"{name} is not there")
    paths = sorted(path for path in (ROOT / name).glob(pattern) if path.is_file())
    assert paths
    total = [0, 0]
    for path in paths:
        counts = counter(path)
        got = read_all(SOURCES[source](), path.read_bytes())
        if counts is None:
            assert "got a document of kind youtube#" in str(got.problem), path.name
            continue
        assert got.problem is None, path.name
        assert (got.records["posts"], got.records["comments"]) == counts, path.name
        total = [total[0] + counts[0], total[1] + counts[1]]
        lost = got.quarantine["error"].to_pylist()
        assert all(error.startswith("snippet.videoId: expected") for error in lost), path.name
    assert stated is None or tuple(total) == stated


def test_a_category_file_is_no_video_file(read_all: Any) -> None:
    paths = list((ROOT / "youtube_trending_2017_us_gb").glob("**/*.json"))
    if not paths:
        pytest.skip("youtube_trending_2017_us_gb is not there")
    assert "youtube#videoCategoryListResponse" in str(read_all(SOURCES["youtube"](), paths[0].read_bytes()).problem)
