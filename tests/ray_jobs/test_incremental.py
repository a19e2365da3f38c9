"""What a second, a later, a changed and a killed run do: nothing, the new part, the changed part, the missing part."""

from __future__ import annotations

import itertools
import os
import random
import signal
import subprocess
import sys
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest

from pipelines import open_lake
from pipelines.lake.buckets import bucket_of
from pipelines.lake.verify import verify
from pipelines.storage import Store
from schemas import TABLES
from tests.ray_jobs.front import ledgers, postlake, rows, write_lines

INGESTED = ("posts", "comments", "authors", "quarantine")


def observations(seed: int, count: int) -> list[dict[str, Any]]:
    """Posts and comments, many of them seen again with other likes, at times that tie, from few authors."""
    draw = random.Random(seed)
    found = []
    for _ in range(count):
        post = f"forum:p{draw.randrange(25)}"
        seen: dict[str, Any] = {"likes": draw.randrange(6), "author": f"someone{draw.randrange(9)}"}
        if draw.random() < 0.7:
            seen["retrieved_at"] = 1_600_000_000 + draw.randrange(3)
        if draw.random() < 0.4:
            found.append({"post_id": post, "title": draw.choice("AB"), **seen})
        else:
            text = f"These are the words number {draw.randrange(4)} of a comment"
            found.append({"comment_id": f"forum:c{draw.randrange(60)}", "post_id": post, "text": text, **seen})
    return found


def write_dump(path: Path, seed: int, count: int = 60) -> Path:
    write_lines(path, observations(seed, count))
    with path.open("a") as file:
        file.write('{"post_id": "forum:broken", "likes": \n')
    return path


@pytest.fixture
def dumps(tmp_path: Path) -> list[Path]:
    return [write_dump(tmp_path / "raw" / f"{name}.jsonl", seed) for seed, name in enumerate("dacb")]


def ingest(lake: Path, *paths: Path, key: Path | None = None) -> str:
    """What it said on stderr."""
    if key is not None and not lake.exists():
        Path(f"{lake}.key").write_bytes(key.read_bytes())
    return postlake("ingest", *(f"jsonl:{path}" for path in paths), "--lake", lake).err


def digests(lake: Path) -> dict[str, str]:
    return {name: table["digest"] for name, table in ledgers(lake).items()}


def version(lake: Path) -> int:
    return open_lake(str(lake)).version.version


def snapshot(lake: Path) -> dict[str, tuple[int, int]]:
    return {str(p): (p.stat().st_mtime_ns, p.stat().st_size) for p in lake.rglob("*") if p.is_file()}


@pytest.fixture
def whole(tmp_path: Path, dumps: list[Path]) -> Path:
    """A lake that read everything at once."""
    ingest(tmp_path / "whole", *dumps)
    return tmp_path / "whole"


def test_a_second_run_on_the_same_input_touches_no_file_and_says_so(whole, dumps):
    before = snapshot(whole)
    said = ingest(whole, *dumps)
    assert "nothing to do: version 1 has it all" in said
    assert snapshot(whole) == before


def test_a_renamed_or_copied_input_is_known_by_its_content(whole, dumps, tmp_path):
    copy = tmp_path / "elsewhere" / "other name.jsonl"
    copy.parent.mkdir()
    copy.write_bytes(dumps[0].read_bytes())
    assert "nothing to do" in ingest(whole, copy)
    assert version(whole) == 1


ORDERS: list[Sequence[Sequence[int]]] = [
    ((0,), (1,), (2,), (3,)),
    ((3,), (2,), (1,), (0,)),
    ((2, 0), (3, 1)),
    ((1,), (0, 1, 2, 3)),
    ((1, 2, 3), (0,)),
]


@pytest.mark.parametrize("order", ORDERS, ids=lambda order: "-".join("".join(map(str, run)) for run in order))
def test_dumps_in_any_order_and_split_give_the_bytes_of_one_run(whole, dumps, tmp_path, order):
    lake = tmp_path / "parts"
    for run in order:
        ingest(lake, *(dumps[number] for number in run), key=Path(f"{whole}.key"))
    assert digests(lake) == digests(whole)
    assert ledgers(lake) == ledgers(whole)
    assert verify(open_lake(str(lake))) == []


@pytest.mark.long
def test_every_order_of_four_dumps_gives_the_bytes_of_one_run(whole, dumps, tmp_path):
    for number, order in enumerate(itertools.permutations(dumps)):
        lake = tmp_path / f"parts{number}"
        for dump in order:
            ingest(lake, dump, key=Path(f"{whole}.key"))
        assert digests(lake) == digests(whole), order


def test_only_new_bytes_are_read_and_only_touched_buckets_written(whole, tmp_path, dumps, monkeypatch):
    new = write_lines(tmp_path / "raw" / "new.jsonl", [{"post_id": "forum:new", "title": "A", "likes": 1}])
    opened = []
    real = Store.open

    def spy(store: Store, path: str) -> Any:
        opened.append(Path(store.full(path)))
        return real(store, path)

    monkeypatch.setattr(Store, "open", spy)
    ingest(whole, *dumps, new)
    assert {path for path in opened if path.suffix == ".jsonl"} == {new}
    before, after = (open_lake(str(whole), version=number) for number in (1, 2))
    for table in INGESTED:
        one, two = before.manifest(table), after.manifest(table)
        assert one is not None
        assert two is not None
        changed = {shard.bucket for shard in set(one.shards) ^ set(two.shards)}
        assert changed == ({bucket_of("forum:new", 2)} if table == "posts" else set())
        assert len({shard.bucket for shard in one.shards}) == 2 or table == "quarantine"


def test_a_later_observation_supersedes_and_the_earlier_stays_readable(tmp_path):
    lake, first = (
        tmp_path / "lake",
        {"post_id": "forum:1", "title": "A post", "likes": 3, "retrieved_at": 1_600_000_000},
    )
    ingest(lake, write_lines(tmp_path / "1.jsonl", [first]))
    ingest(lake, write_lines(tmp_path / "2.jsonl", [{**first, "likes": 50, "retrieved_at": 1_700_000_000}]))
    # An older dump that arrives last does not win.
    ingest(lake, write_lines(tmp_path / "3.jsonl", [{**first, "likes": 1, "retrieved_at": 1_500_000_000}]))
    for table, likes in (("posts", 50), ('"posts@1"', 3), ('"posts@2"', 50)):
        assert rows(lake, f"select likes from {table}") == [{"likes": likes}]
    assert ledgers(lake)["posts"]["rejected"] == {"superseded": 2}
    events = postlake("explain", lake, "forum:1", "--json").value["events"]
    assert sorted((e["outcome"], e["likes"]) for e in events) == [("accepted", 50), ("rejected", 1), ("rejected", 3)]


def run(lake: Path, config: Path, **settings: str) -> dict[str, str]:
    """What each stage of a whole run said of itself: done or up to date."""
    words = [word for name, value in settings.items() for word in ("--set", f"{name.replace('__', '.')}={value}")]
    said = postlake("run", "--config", config, "--lake", lake, *words).err
    lines = [line.partition(": ") for line in said.splitlines() if line.endswith(" s") and " in " in line]
    return {stage: verdict.partition(" in ")[0] for stage, _, verdict in lines if "/" not in verdict}


def test_a_changed_recipe_runs_only_the_stages_that_it_changes(tmp_path, dumps):
    config = tmp_path / "config.toml"
    config.write_text(
        f"[lake]\nbuckets = 2\n[ingest]\ninputs = ['jsonl:{dumps[0].parent}']\n[media]\n[dedup]\n[clean]\n"
        "[samples.pictures]\nrequired = false\n"
    )
    lake = tmp_path / "lake"
    stages = ("ingest", "media", "dedup", "clean", "samples")
    assert run(lake, config) == dict.fromkeys(stages, "done")
    before = digests(lake)
    assert run(lake, config) == dict.fromkeys(stages, "up to date")
    assert version(lake) == 1
    changed = dict.fromkeys(stages[:3], "up to date") | dict.fromkeys(stages[3:], "done")
    assert run(lake, config, clean__ranking__keep="1") == changed
    assert {name for name, digest in digests(lake).items() if digest != before[name]} == {"clean_comments", "samples"}
    assert run(lake, config) == changed
    assert digests(lake) == before


def test_a_new_dump_gives_every_table_the_bytes_of_one_run_over_everything(tmp_path, dumps):
    def stages(lake: Path) -> None:
        postlake("media", "--lake", lake)
        for stage in ("dedup", "clean"):
            postlake(stage, "--lake", lake)
        postlake("samples", "--lake", lake, "--set", "samples.pictures.required=false")

    one, two = tmp_path / "one", tmp_path / "two"
    ingest(one, *dumps)
    stages(one)
    ingest(two, *dumps[:2], key=Path(f"{one}.key"))
    stages(two)
    ingest(two, *dumps[2:])
    stages(two)
    assert digests(one) == digests(two)


def test_an_older_schema_is_written_anew_as_a_whole(whole, dumps, tmp_path, monkeypatch):
    lake = tmp_path / "parts"
    posts = TABLES["posts"]
    narrow = [field.with_type(pa.int32()) if field.name == "likes" else field for field in posts.columns]
    with monkeypatch.context() as older:
        older.setitem(TABLES, "posts", replace(posts, version=posts.version - 1, columns=tuple(narrow)))
        ingest(lake, *dumps[:3], key=Path(f"{whole}.key"))
        assert digests(lake)["posts"] != digests(whole)["posts"]
    ingest(lake, dumps[3])
    assert digests(lake) == digests(whole)


KILLED = """
import os, signal, sys
from pipelines.storage import Store
at, real, done = int(sys.argv[1]), {name: getattr(Store, name) for name in ("put", "create", "keep")}, 0
def watch(name):
    def call(store, *given):
        global done
        done += 1
        if done == at:
            os.kill(os.getpid(), signal.SIGKILL)
        return real[name](store, *given)
    return call
for name in real:
    setattr(Store, name, watch(name))
from ray_jobs.cli import main
sys.argv = ["postlake", *sys.argv[2:]]
main()
"""


def test_a_killed_run_is_taken_up_where_it_was(whole, dumps, tmp_path):
    lake = tmp_path / "lake"
    Path(f"{lake}.key").write_bytes(Path(f"{whole}.key").read_bytes())
    command = ["ingest", *(f"jsonl:{path}" for path in dumps), "--lake", str(lake)]
    died = []
    for at in (18, 10, 12):
        script = [sys.executable, "-c", KILLED, str(at), *command, "--engine", "inline", "--set", "lake.buckets=2"]
        ended = subprocess.run(
            script, cwd=Path(__file__).parents[2], env={**os.environ}, capture_output=True, check=False, text=True
        )
        assert ended.returncode == -signal.SIGKILL, ended.stderr
        assert not list(lake.glob("versions/v*"))
        died.append(ended.stderr)
    assert "items were done already" in "".join(died[1:])
    said = postlake(*command).err
    assert "items were done already" in said
    assert digests(lake) == digests(whole)
    assert version(lake) == 1


def test_restart_does_all_of_it_again(whole, dumps, tmp_path):
    lake = tmp_path / "lake"
    Path(f"{lake}.key").write_bytes(Path(f"{whole}.key").read_bytes())
    (tmp_path / "bad").mkdir()
    bad = tmp_path / "bad" / "x.jsonl"
    bad.write_bytes(b"\x00\x01 no dump")
    words = ["ingest", *(f"jsonl:{path}" for path in (*dumps, bad)), "--lake", lake]
    assert postlake(*words, ok=False).code == 2
    assert "items were done already" not in postlake(*words, "--restart", "--set", "ingest.max_bad_files=1").err
    assert {name: digests(lake)[name] for name in INGESTED[:3]} == {name: digests(whole)[name] for name in INGESTED[:3]}
