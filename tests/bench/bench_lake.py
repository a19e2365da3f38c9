"""The lake's own costs: committing and opening many shards, resuming, verifying, a query over a join.

Sizes by POSTLAKE_BENCH_ROWS (comments of the query; default 300,000, the limit is stated for 10 million) and
POSTLAKE_BENCH_SHARDS (default 10,000).
"""

from __future__ import annotations

import hashlib
import os
import subprocess
import sys
import textwrap
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pyarrow as pa
import pytest

from pipelines import open_lake
from pipelines.lake.buckets import buckets_of
from pipelines.lake.commit import Draft, create_or_open
from pipelines.lake.shards import sort_rows, write_shards
from pipelines.lake.verify import verify
from schemas import TABLES
from schemas.contract import conform
from schemas.manifest import Ledger, Manifest, Shard
from tests.faults.work import draw_dumps, job
from tests.pipelines.lake.conftest import post

pytestmark = [pytest.mark.bench, pytest.mark.timeout(3600)]

ROWS = int(os.environ.get("POSTLAKE_BENCH_ROWS", "300000"))
SHARDS = int(os.environ.get("POSTLAKE_BENCH_SHARDS", "10000"))


def show(what: str, reached: float, limit: str) -> None:
    print(f"{what:58}{reached:10.2f}{limit:>12}")


def clocked(call: Callable[[], object], clock: Callable[[], float] = time.perf_counter) -> float:
    begun = clock()
    call()
    return clock() - begun


def manifest_of(table: str, shards: list[Shard]) -> Manifest:
    rows = sum(shard.rows for shard in shards)
    contract = TABLES[table]
    return Manifest(
        table=table,
        schema_version=contract.version,
        schema_fingerprint=contract.fingerprint,
        shards=tuple(shards),
        ledger=Ledger(rows_in=rows, accepted=rows),
        plan="bench",
        code="bench",
    )


def test_commit_and_open_many_shards(tmp_path: Path) -> None:
    draft = create_or_open(str(tmp_path / "lake"), buckets=SHARDS)
    contract = TABLES["posts"]
    one = conform(pa.Table.from_pylist([post(0)]), contract)
    at = contract.schema.get_field_index("post_id")
    shards = []
    for number in range(SHARDS):
        row = one.set_column(at, contract.schema.field(at), pa.array([f"reddit:{number:x}"]))
        shards += write_shards(draft.store, contract, row, number)

    def commit() -> None:
        draft.update({"posts": manifest_of("posts", shards)})
        draft.publish("bench")

    seconds = clocked(commit)
    opened = clocked(lambda: open_lake(draft.store.uri).table("posts"))
    print()
    show(f"commit of {SHARDS:,} shards, s", seconds, "< 5")
    show("opening it as a dataset, s", opened, "< 1")
    assert open_lake(draft.store.uri).version.version == 1


@pytest.fixture(scope="module")
def large(tmp_path_factory: pytest.TempPathFactory) -> str:
    """A lake of ROWS comments under a tenth as many posts."""
    draft = create_or_open(str(tmp_path_factory.mktemp("large") / "lake"), buckets=4)
    rng = np.random.default_rng(0)
    posts = ROWS // 10
    ids = np.char.add("reddit:", np.arange(posts).astype("U12"))
    words = np.array([f"word{number}" for number in range(5000)])
    texts = [" ".join(words[chosen]) for chosen in rng.integers(0, 5000, (ROWS, 12))]
    made = {
        "posts": pa.table(
            {"post_id": ids, "platform": ["reddit"] * posts, "community": words[rng.integers(0, 400, posts)]}
        ),
        "comments": pa.table(
            {
                "comment_id": np.char.add("reddit:c", np.arange(ROWS).astype("U12")),
                "post_id": ids[rng.integers(0, posts, ROWS)],
                "text": texts,
                "likes": rng.integers(0, 99, ROWS),
            }
        ),
    }
    for name, rows in made.items():
        write(draft, name, rows)
    draft.publish("bench")
    return draft.store.uri


def write(draft: Draft, name: str, rows: pa.Table) -> None:
    contract = TABLES[name]
    origin = {"source_file": pa.array(["f" * 64] * len(rows)), "source_offset": pa.array(range(len(rows)))}
    for column, values in origin.items():
        rows = rows.append_column(column, values)
    table = conform(rows, contract)
    buckets = buckets_of(table["post_id"], draft.settings.buckets)
    shards = []
    for bucket in range(draft.settings.buckets):
        mine = sort_rows(table.filter(pa.array(buckets == bucket)), contract.key)
        shards += write_shards(draft.store, contract, mine, bucket)
    draft.update({name: manifest_of(name, shards)})


def test_verify_beside_sha256(large: str) -> None:
    lake = open_lake(large)
    size = sum(size for path, size in lake.store.walk() if path.endswith(".arrow"))
    data = b"".join(lake.store.read(path) for path, _ in lake.store.walk() if path.endswith(".arrow"))
    plain = min(clocked(lambda: hashlib.sha256(data), time.process_time) for _ in range(5))
    ours = min(clocked(lambda: verify(lake, threads=1), time.process_time) for _ in range(5))
    both = min(clocked(lambda: verify(lake)) for _ in range(5))
    print()
    show(f"sha256 of {size / 1e6:.0f} MB in memory, MB per CPU second", size / 1e6 / plain, "")
    show("verify, MB per CPU second", size / 1e6 / ours, "")
    show("verify, share of sha256's speed", plain / ours, ">= 0.8")
    show("verify, two threads, MB/s", size / 1e6 / both, "")
    assert verify(lake) == []


SQL = "SELECT p.community, count(*) AS n FROM comments c JOIN posts p USING (post_id) GROUP BY 1 ORDER BY 2 DESC, 1"
PLAIN = """
    import glob, sys, duckdb, pyarrow.dataset as ds
    connection = duckdb.connect()
    for name in ("posts", "comments"):
        connection.register(name, ds.dataset(sorted(glob.glob(f"{sys.argv[1]}/{name}/data/*.arrow")), format="ipc"))
    print(connection.sql(sys.argv[2]).to_arrow_table().num_rows)
"""


def test_a_count_by_community_beside_plain_duckdb(large: str) -> None:
    plain = [sys.executable, "-c", textwrap.dedent(PLAIN), large, SQL]
    ours = [sys.executable, "-m", "ray_jobs", "query", large, SQL, "--format", "csv"]

    def seconds(command: list[str]) -> float:
        return min(clocked(lambda: subprocess.run(command, check=True, stdout=subprocess.DEVNULL)) for _ in range(3))

    def said(command: list[str]) -> str:
        return subprocess.run(command, check=True, capture_output=True, text=True).stdout

    # Both count the same communities; ours prints a header before them.
    assert len(said(ours).splitlines()) - 1 == int(said(plain)) > 0
    theirs, mine = seconds(plain), seconds(ours)
    print()
    show(f"DuckDB over the shards of {ROWS:,} comments, fresh process, s", theirs, "")
    show("postlake query, fresh process, s", mine, "")
    show("more, s", mine - theirs, "<= 1")


def test_resume_of_a_finished_run(tmp_path: Path) -> None:
    """The no-op in this process, and the whole command from its start, over small dumps."""
    from tests.faults.run_and_die import run

    work = job(draw_dumps(tmp_path / "raw", posts=300), tmp_path / "lake")
    first = clocked(lambda: run(work))
    again = clocked(lambda: run(work))
    print()
    show("run of five stages over 300 posts, s", first, "")
    show("the same again, s", again, "< 5")
    assert open_lake(str(tmp_path / "lake")).version.version == 1
