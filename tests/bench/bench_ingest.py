"""Ingest of Reddit comments beside a plain Polars script that projects, sorts and writes the same columns.

Size by POSTLAKE_BENCH_COMMENTS (default 2 million; the limits are stated for 2 and 8 million). Both read the same plain
NDJSON with the same two cores; Ray is up before the clock starts.
"""

from __future__ import annotations

import os
import resource
import subprocess
import sys
import textwrap
import threading
import time
from pathlib import Path

import psutil
import pytest
import zstandard

pytestmark = [pytest.mark.bench, pytest.mark.timeout(3600)]

COMMENTS = int(os.environ.get("POSTLAKE_BENCH_COMMENTS", "2000000"))
PLAIN = """
    import sys, time, polars as pl
    source, target = sys.argv[1:]
    begun = time.perf_counter()
    text = {name: pl.String for name in ("id", "link_id", "parent_id", "author", "body")}
    times = {"created_utc": pl.String, "retrieved_on": pl.String}
    schema = {**text, **times, "score": pl.Int64, "is_submitter": pl.Boolean}
    rows = pl.scan_ndjson(source, schema=schema).select(
        comment_id="reddit:" + pl.col("id"),
        post_id="reddit:" + pl.col("link_id").str.strip_prefix("t3_"),
        parent_id=pl.when(pl.col("parent_id").str.starts_with("t1_")).then(
            "reddit:" + pl.col("parent_id").str.strip_prefix("t1_")
        ),
        by_poster="is_submitter",
        author="author",
        created_at=pl.from_epoch(pl.col("created_utc").cast(pl.Float64).cast(pl.Int64), "s"),
        retrieved_at=pl.from_epoch(pl.col("retrieved_on").cast(pl.Float64).cast(pl.Int64), "s"),
        text="body",
        likes="score",
    )
    rows.sort("post_id", "comment_id").collect().write_ipc(target, compression="zstd")
    print(time.perf_counter() - begun)
"""


@pytest.fixture(scope="module")
def dump(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """One plain NDJSON file of comments, cut to the wanted number of lines."""
    given = os.environ.get("POSTLAKE_BENCH_DUMP")
    folder = tmp_path_factory.mktemp("dump")
    target = folder / "RC.ndjson"
    if given:
        with open(given, "rb") as source, target.open("wb") as out:
            for _, line in zip(range(COMMENTS), source, strict=False):
                out.write(line)
        return target
    from pipelines.synthetic import synthesize

    synthesize(folder / "synth", posts=COMMENTS // 4, media=0, broken=False)
    left = COMMENTS
    with target.open("wb") as out:
        for path in sorted((folder / "synth" / "reddit").glob("RC_*.zst")):
            with path.open("rb") as raw:
                reader = zstandard.ZstdDecompressor(max_window_size=2**31).stream_reader(raw, read_across_frames=True)
                for line in reader.read().splitlines(keepends=True)[:left]:
                    out.write(line)
                    left -= 1
    return target


class PeakMemory:
    """Unique memory of all Ray workers together, sampled once a second."""

    def __init__(self) -> None:
        self.peak, self._stop = 0, threading.Event()
        self._thread = threading.Thread(target=self._watch, daemon=True)

    def __enter__(self) -> PeakMemory:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._stop.set()
        self._thread.join()

    def _watch(self) -> None:
        while not self._stop.wait(1.0):
            total = 0
            for process in psutil.process_iter(["name"]):
                if (process.info["name"] or "").startswith("ray::"):
                    try:
                        total += process.memory_full_info().uss
                    except (psutil.NoSuchProcess, psutil.AccessDenied):
                        continue
            self.peak = max(self.peak, total)


def test_ingest_beside_plain_polars(dump: Path, tmp_path: Path) -> None:
    from pipelines.lake.commit import create_or_open
    from ray_jobs.ingest import IngestConfig, ingest
    from ray_jobs.output import Output
    from ray_jobs.runtime import Runtime, start_ray

    size = dump.stat().st_size
    script = textwrap.dedent(PLAIN)
    environment = {**os.environ, "POLARS_MAX_THREADS": "2"}
    plain = float(
        subprocess.run(
            [sys.executable, "-c", script, str(dump), str(tmp_path / "plain.arrow")],
            env=environment,
            capture_output=True,
            text=True,
            check=True,
        ).stdout
    )
    start_ray(2)
    warm = create_or_open(str(tmp_path / "warm"))
    with dump.open("rb") as source:
        for number in range(4):
            (tmp_path / f"small{number}.ndjson").write_bytes(b"".join(next(source) for _ in range(2000)))
    runtime = Runtime(Output(), engine="ray", num_cpus=2)
    ingest(warm, [f"reddit:{tmp_path}/small*.ndjson"], IngestConfig(), runtime)
    draft = create_or_open(str(tmp_path / "lake"))
    with PeakMemory() as memory:
        begun = time.perf_counter()
        ingest(draft, [f"reddit:{dump}"], IngestConfig(), runtime)
        draft.publish("bench")
        ours = time.perf_counter() - begun
    rows = draft.manifest("comments").ledger.rows_in
    limit = 1.5 if rows >= 8_000_000 else 2.5
    print(f"\ningest of {rows:,} comments, {size / 1e6:,.0f} MB of NDJSON, two cores")
    print(f"{'what':34}{'reached':>12}{'limit':>12}")
    print(f"{'plain Polars script, s':34}{plain:12.2f}")
    print(f"{'ingest, s':34}{ours:12.2f}")
    print(f"{'ratio':34}{ours / plain:12.2f}{'<= ' + str(limit):>12}")
    print(f"{'raw NDJSON, MB/s per core':34}{size / 1e6 / ours / 2:12.0f}{'>= 100':>12}")
    print(f"{'peak of all Ray workers, GiB':34}{memory.peak / 2**30:12.2f}{'< 3':>12}")
    print(f"{'peak of this process, GiB':34}{resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 2**20:12.2f}")
    assert rows == COMMENTS
    assert memory.peak < 3 * 2**30
