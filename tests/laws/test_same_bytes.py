"""Same inputs and recipe, same bytes: whatever the engine, the items in flight, the storage, the process around it.

The settings are combined pairwise: every two values of two settings meet in some run. A digest is over the hashes of
all shards, so equal digests mean equal files. Only table `authors` may depend on the key.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from itertools import combinations, product
from pathlib import Path
from typing import Any

import pytest
import zstandard

from tests.faults.work import Dumps, draw_dumps, job, quick_folder, run_jobs
from tests.object_store import object_store

Row = dict[str, Any]

SETTINGS: dict[str, tuple[Any, ...]] = {
    "engine": ("inline", "ray 2", "ray 1", "ray 8"),
    "storage": ("local", "s3"),
    "locale": ("C", "C.UTF-8"),
    "zone": ("UTC", "Asia/Kathmandu"),
    "seed": ("0", "4242"),
    "order": ("given", "reversed"),
    "chunk": (2**26, 2**16),
    "key": ("the first key of the two", "the second key of the two"),
}


def pairwise(settings: dict[str, tuple[Any, ...]]) -> list[Row]:
    """Few rows in which every pair of values of two settings occurs; greedy, and always the same ones."""
    names = list(settings)
    left = {(a, x, b, y) for a, b in combinations(names, 2) for x, y in product(settings[a], settings[b])}
    rows: list[Row] = []

    def gain(row: Row) -> set[tuple[Any, ...]]:
        return {(a, row[a], b, row[b]) for a, b in combinations([n for n in names if n in row], 2)} & left

    while left:
        a, x, b, y = min(left, key=str)
        row: Row = {a: x, b: y}
        for name in names:
            if name not in row:
                row[name] = max(settings[name], key=lambda value, n=name: len(gain({**row, n: value})))
        left -= gain(row)
        rows.append(row)
    return rows


def test_the_rows_hold_every_pair():
    rows = pairwise(SETTINGS)
    for a, b in combinations(SETTINGS, 2):
        assert {(row[a], row[b]) for row in rows} == set(product(SETTINGS[a], SETTINGS[b]))
    assert len(rows) < 20


@pytest.fixture(scope="module")
def folder() -> Iterator[Path]:
    with quick_folder() as folder:
        yield folder


@pytest.fixture(scope="module")
def dumps(folder: Path) -> Dumps:
    """Dumps in true formats, and two files that a small `chunk_bytes` cuts: one plain, one compressed as a whole."""
    drawn = draw_dumps(folder / "raw")
    lines = []
    for number in range(500):
        words = " ".join(f"w{(number * k * k) % 997}{'é' if k % 7 == 0 else ''}" for k in range(1, 60))
        post_id = f"forum:{number // 2}"
        lines.append({"post_id": post_id, "title": f"number {number % 17}", "text": words, "likes": number % 17})
        lines.append({"comment_id": f"forum:c{number}", "post_id": post_id, "text": f"I think that {number} is good"})
    data = "".join(json.dumps(line) + "\n" for line in lines).encode()
    (folder / "plain.jsonl").write_bytes(data)
    (folder / "packed.jsonl.zst").write_bytes(zstandard.compress(data.replace(b"forum:", b"board:")))
    assert (folder / "packed.jsonl.zst").stat().st_size > 2**16
    extra = [f"jsonl:{folder}/plain.jsonl", f"jsonl:{folder}/packed.jsonl.zst"]
    return Dumps(drawn.media, drawn.first, [*drawn.second, *extra])


def run_rows(folder: Path, dumps: Dumps, rows: list[Row]) -> list[dict[str, str]]:
    """Each row's digests, every row in a process of its own."""
    folder.mkdir(exist_ok=True)
    with object_store(folder / "weed") as server, ThreadPoolExecutor(2) as pool:
        return list(pool.map(lambda pair: _run_row(folder, dumps, server, *pair), enumerate(rows)))


def _run_row(folder: Path, dumps: Dumps, server: Any, number: int, row: Row) -> dict[str, str]:
    name, _, cpus = row["engine"].partition(" ")
    lake = server.url(f"lake{number}") if row["storage"] == "s3" else str(folder / f"lake{number}")
    answer = folder / f"digests{number}.json"
    environment = {
        "POSTLAKE_KEY": row["key"],
        **(server.environment if row["storage"] == "s3" else {}),
    }
    inputs = list(reversed(dumps.second)) if row["order"] == "reversed" else dumps.second
    work = job(
        dumps,
        lake,
        inputs=inputs,
        engine=name,
        cpus=int(cpus or 1),
        settings=[f"ingest.chunk_bytes={row['chunk']}", f'ingest.scratch="{folder}/scratch{number}"'],
        environment=environment,
        digests=str(answer),
    )
    around = {"TZ": row["zone"], "LC_ALL": row["locale"], "PYTHONHASHSEED": row["seed"]}
    ((code, words),) = run_jobs([work], folder / f"logs{number}", around)
    assert code == 0, f"{row}: {words}"
    found: dict[str, str] = json.loads(answer.read_text())
    return found


def check(rows: list[Row], found: list[dict[str, str]]) -> None:
    assert len(found[0]) == 10
    authors: dict[str, set[str]] = {}
    for row, digests in zip(rows, found, strict=True):
        authors.setdefault(row["key"], set()).add(digests.pop("authors"))
    for row, digests in zip(rows, found, strict=True):
        assert digests == found[0], row
    one, other = authors.values()
    assert len(one) == len(other) == 1
    assert one != other


def test_every_pair_of_settings_gives_the_same_bytes(folder, dumps):
    rows = pairwise({**SETTINGS, "engine": SETTINGS["engine"][:2]})
    check(rows, run_rows(folder, dumps, rows))


@pytest.mark.long
@pytest.mark.timeout(1800)
def test_every_pair_with_one_two_and_eight_items_in_flight_gives_the_same_bytes(folder, dumps):
    rows = pairwise(SETTINGS)
    check(rows, run_rows(folder / "long", dumps, rows))
