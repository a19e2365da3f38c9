"""Real dumps through the real command line: every record, counted here by other means, is in a ledger that closes.

Prints nothing of what the files hold.
"""

from __future__ import annotations

import csv
import gzip
import hashlib
import io
import json
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
import zstandard

from tests.ray_jobs.front import ledgers, postlake, refused, rows
from tests.ray_jobs.plain_bytes import readable

pytestmark = pytest.mark.real

Counts = tuple[int, int]


def plain(path: Path) -> bytes:
    data = path.read_bytes()
    if path.suffix == ".zst":
        stream = zstandard.ZstdDecompressor(max_window_size=1 << 31).stream_reader(
            io.BytesIO(data), read_across_frames=True
        )
        return bytes(stream.read())
    return gzip.decompress(data) if path.suffix == ".gz" else data


def in_reddit(path: Path) -> Counts | None:
    records = [json.loads(line) for line in plain(path).split(b"\n") if line.strip()]
    posts = sum("title" in record for record in records)
    return posts, len(records) - posts


def in_youtube(path: Path) -> Counts | None:
    """Videos and comments of a CSV table, an API response or an info.json; None for a file of another kind."""
    if path.suffix == ".csv":
        head, *body = csv.reader(io.StringIO(plain(path).decode("utf-8-sig"), newline=""))
        return (len(body), 0) if "title" in head else (0, len(body))
    text = plain(path).decode()
    documents = [json.loads(line) for line in text.splitlines()] if path.suffix == ".ndjson" else [json.loads(text)]
    counts = [_in_document(document) for document in documents]
    found = [count for count in counts if count is not None]
    return (sum(p for p, _ in found), sum(c for _, c in found)) if found else None


def _in_document(document: dict) -> Counts | None:  # type: ignore[type-arg]
    if "_type" in document:
        entries = document.get("entries")
        return (len(entries), 0) if entries is not None else (1, len(document.get("comments") or []))
    kind = str(document.get("kind")).removesuffix("ListResponse")
    if kind not in {"youtube#video", "youtube#commentThread", "youtube#comment"}:
        return None
    items = document.get("items", [document])
    posts = sum(item["kind"] == "youtube#video" for item in items)
    replies = sum(len(item.get("replies", {}).get("comments", [])) for item in items)
    return posts, len(items) - posts + replies


SETS: dict[str, tuple[str, str, Callable[[Path], Counts | None], Counts]] = {
    "reddit_pushshift_zst": ("reddit", "", in_reddit, (13050, 1075)),
    "reddit_pmaw": ("reddit", "", in_reddit, (3329, 2019)),
    "reddit_api_listings": ("reddit", "", in_reddit, (259, 435)),
    "reddit_arctic_shift_sample": ("reddit", "", in_reddit, (31, 27)),
    "youtube_brand_videos_comments": ("youtube", "", in_youtube, (74, 17400)),
    "youtube_trending_2017_us_gb": ("youtube", "**/*.csv", in_youtube, (15997, 1380)),
    "youtube_api_fixtures": ("youtube", "", in_youtube, (0, 0)),
    "ytdlp_info_json": ("youtube", "", in_youtube, (2, 0)),
}
"""Source, glob (all files where empty), how its records are counted, and the counts that its page states, if any."""


@pytest.mark.parametrize("name", SETS)
def test_every_record_of_a_real_set_is_in_the_ledger(real_data: Path, tmp_path: Path, name: str) -> None:
    source, glob, count, stated = SETS[name]
    folder = real_data / name
    if not folder.is_dir():
        pytest.skip(f"{name} is not there")
    paths = {hashlib.sha256(p.read_bytes()).hexdigest(): p for p in sorted(folder.glob(glob or "**/*")) if p.is_file()}
    counts = {digest: count(path) for digest, path in paths.items()}
    other = [digest for digest, found in counts.items() if found is None]
    lake = tmp_path / "lake"
    command = ("ingest", f"{source}:{folder / glob}" if glob else f"{source}:{folder}", "--lake", lake)
    if other:
        line = refused(*command, "--set", f"ingest.max_bad_files={len(other) - 1}")
        assert f"at most {len(other) - 1} damaged files" in line
    postlake(*command, "--set", f"ingest.max_bad_files={len(other)}")
    tables = ledgers(lake)
    # A file of another kind counts as one unreadable record of posts.
    posts = sum(found[0] for found in counts.values() if found) + len(other)
    comments = sum(found[1] for found in counts.values() if found)
    assert (tables["posts"]["rows_in"], tables["comments"]["rows_in"]) == (posts, comments)
    if any(stated):
        assert (posts - len(other), comments) == stated
    faults = rows(lake, "SELECT source_file, error FROM quarantine")
    assert {fault["source_file"] for fault in faults if fault["source_file"] in other} == set(other)
    lost = [fault["error"] for fault in faults if fault["source_file"] not in other]
    # Threads of a channel's own page stand under no video.
    assert all(error.startswith("snippet.videoId: expected") for error in lost)
    assert len(faults) == tables["posts"]["quarantined"] + tables["comments"]["quarantined"]
    assert tables["posts"]["quarantined"] == len(other)
    inputs = postlake("inspect", lake, "posts", "--json").value["manifest"]["inputs"]
    assert {entry["sha256"] for entry in inputs} == set(paths)
    for entry in inputs:
        records = counts[entry["sha256"]] or (1, 0)
        assert (entry["records"]["posts"], entry["records"]["comments"]) == records, entry["name"]
    for stage in ("dedup", "clean"):
        postlake(stage, "--lake", lake)
    postlake("samples", "--lake", lake, "--set", "samples.pictures.required=false")
    tables = ledgers(lake)
    assert tables["duplicates"]["rows_in"] == tables["posts"]["accepted"]
    assert tables["clean_comments"]["rows_in"] == tables["comments"]["accepted"]
    postlake("verify", lake)
    for table in ("posts", "comments", "duplicates", "clean_comments", "samples"):
        print(f"\n{name} {table}: {json.dumps({k: v for k, v in tables[table].items() if k != 'digest'})}", end="")


def test_no_handle_of_a_real_set_is_in_the_lake(real_data: Path, tmp_path: Path) -> None:
    folder = real_data / "reddit_api_listings"
    if not folder.is_dir():
        pytest.skip("reddit_api_listings is not there")
    names: set[str] = set()
    texts: list[str] = []
    for path in folder.glob("*.ndjson"):
        for line in plain(path).splitlines():
            record = json.loads(line)
            names.add(str(record.get("author") or ""))
            texts.append(" ".join(str(record.get(field) or "") for field in ("title", "selftext", "body", "url")))
    spoken = " ".join(texts).lower()
    # A name that somebody wrote in a text is text; a short one is a word too.
    secret = [name.lower().encode() for name in names if len(name) > 7 and name.lower() not in spoken]
    assert len(secret) > 100
    postlake("ingest", f"reddit:{folder}", "--lake", tmp_path / "lake")
    data = b"\n".join(content for _, content in readable(tmp_path / "lake")).lower()
    # What is in the lake is found by such a search.
    assert data.count(b"reddit:159056w") > 400
    assert sum(name in data for name in secret) == 0


YOUTUBE_RUN = """
[ingest]
inputs = ["youtube:{folder}"]
[dedup]
[clean]
[samples.pictures]
required = false
[samples.split]
train = 0.8
val = 0.1
test = 0.1
[train]
preset = "tiny"
epochs = 0.2
micro_batch = 4
workers = 2
cpus_per_worker = 0.5
zero = {{ stage = 2 }}
score_split = "{split}"
score_samples = 4
"""


@pytest.mark.long
@pytest.mark.timeout(600)
def test_the_whole_job_on_the_joined_youtube_set(real_data: Path, tmp_path: Path) -> None:
    folder = real_data / "youtube_brand_videos_comments"
    if not folder.is_dir():
        pytest.skip("youtube_brand_videos_comments is not there")
    config, lake, out = tmp_path / "my.toml", tmp_path / "lake", tmp_path / "model"
    config.write_text(YOUTUBE_RUN.format(folder=folder, split="test"))
    command = [sys.executable, "-m", "ray_jobs", "run", "--config", config, "--lake", lake, "--out", out, "--json"]
    done = subprocess.run(command, capture_output=True, text=True, cwd=Path(__file__).parents[2], check=False)
    assert done.returncode == 0, done.stderr[-3000:]
    result = json.loads(done.stdout)
    assert "Traceback" not in done.stderr
    tables = ledgers(lake)
    assert result["tables"] == tables
    assert (tables["posts"]["accepted"], tables["comments"]["accepted"]) == (74, 17400)
    clean, samples = tables["clean_comments"], tables["samples"]
    assert (clean["rows_in"], samples["rows_in"]) == (17400, 74)
    assert 150 < clean["accepted"] <= 5 * 74
    assert samples["accepted"] == 74
    (split,) = rows(lake, "SELECT count(*) AS n FROM samples WHERE split = 'train'")
    metrics = [json.loads(line) for line in (out / "metrics.jsonl").read_text().splitlines()]
    steps = [line for line in metrics if "loss" in line]
    assert len(steps) == -(-round(split["n"] * 0.2) // 8) >= 1
    assert all(0 < line["loss"] < 20 for line in steps)
    assert list((out / "model").glob("*.safetensors"))
    assert result["scores"]["after"]["num_samples"] > 0
    assert result["scores"]["after"]["comments"]["perplexity"] > 1
