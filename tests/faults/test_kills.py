"""SIGKILL at named points: the old version stays, the same command finishes the work, and the bytes are equal."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from pipelines.lake.reader import Lake
from pipelines.lake.verify import verify
from pipelines.storage import Store
from tests.faults.deaths import MOMENTS
from tests.faults.work import KEY, Dumps, digests, draw_dumps, job, quick_folder, run_jobs, version_of

KILLED = -9
POINTS = (
    "create key#1:torn",
    "create settings#1:torn",
    "create settings#1:after",
    "create inputs receipt#3:before",
    "put ingest part#4:torn",
    "create ingest/parse receipt#2:before",
    "create ingest/parse receipt#2:after",
    "put posts shard#1:after",
    "put clean_comments rejects#1:torn",
    "create ingest/merge receipt#3:torn",
    "put object#1:torn",
    "create media/match receipt#1:before",
    "create dedup/signatures receipt#2:after",
    "put dedup part#3:torn",
    "create clean/clean receipt#1:before",
    "put samples shard#1:torn",
    "put samples manifest#1:before",
    "create version#1:torn",
    "create version#1:after",
    "delete ingest/parse receipt#2:after",
)
NEW_LAKE = ("create key", "create settings")
"""What happens to a lake that is not there yet; all other deaths happen to one that has a version."""


@dataclass
class World:
    """The dumps, a lake with one version, what the second version must be, and the points that lead there."""

    folder: Path
    dumps: Dumps
    base: Path
    wanted: dict[str, str]
    trace: list[str]


@dataclass(frozen=True)
class Outcome:
    """What a death left, and what the same command made of it."""

    died: int
    old: list[str]
    between: int
    again: tuple[int, str]
    versions: int
    equal: list[str]
    whole: bool
    twice: list[str]


@pytest.fixture(scope="module")
def world() -> Iterator[World]:
    with quick_folder() as folder:
        dumps = draw_dumps(folder / "raw")
        (folder / "markers").mkdir()
        first = job(dumps, folder / "base", inputs=dumps.first, stages=("ingest", "dedup", "clean"))
        base, whole = folder / "base", folder / "undisturbed"
        assert [code for code, _ in run_jobs([first], folder / "logs")] == [0]
        shutil.copytree(base, whole)
        trace = folder / "trace"
        ((code, words),) = run_jobs([job(dumps, whole, trace=str(trace), markers=str(folder))], folder / "logs")
        assert code == 0, words
        names = [line.rpartition(" ")[0] for line in trace.read_text().splitlines()]
        yield World(folder, dumps, base, digests(whole), names)


def _is_new(point: str) -> bool:
    return point.partition("#")[0] in NEW_LAKE


def kill_at(world: World, points: list[str], **fields: object) -> dict[str, Outcome]:
    """Kill one run at each point, look at its lake, and run the same command again."""
    places = {point: world.folder / f"p{number}" for number, point in enumerate(points)}
    jobs = []
    for point, place in places.items():
        shutil.rmtree(place, ignore_errors=True)
        (place / "markers").mkdir(parents=True)
        if not _is_new(point):
            shutil.copytree(world.base, place / "lake")
        key = None if point.startswith("create key") else KEY
        jobs.append(
            job(
                world.dumps,
                place / "lake",
                die=[point],
                trace=str(place / "trace"),
                markers=str(place / "markers"),
                environment={"POSTLAKE_KEY": key},
                **fields,
            )
        )
    died = run_jobs(jobs, world.folder / "logs")
    seen = {point: _look(world, point, place) for point, place in places.items()}
    again = run_jobs([{**job, "die": [], "driver": [], "engine": "inline"} for job in jobs], world.folder / "logs")
    outcomes = {}
    for number, (point, place) in enumerate(places.items()):
        lake = place / "lake"
        have = digests(lake)
        made = [line.split()[-1] for line in (place / "trace").read_text().splitlines() if line.startswith("create")]
        outcomes[point] = Outcome(
            died=died[number][0],
            old=seen[point][0],
            between=seen[point][1],
            again=again[number],
            versions=version_of(lake),
            equal=sorted(name for name in world.wanted if have.get(name) == world.wanted[name]),
            whole=verify(Lake(Store(lake))) == [],
            twice=sorted({path for path in made if made.count(path) > 1}),
        )
        shutil.rmtree(place)
    return outcomes


def _look(world: World, point: str, place: Path) -> tuple[list[str], int]:
    """What is wrong with the old version after the death, and the number of the latest."""
    if _is_new(point):
        return [], 0
    lake = place / "lake"
    wrong = [str(finding) for finding in verify(Lake(Store(lake), 1))]
    if digests(lake, 1) != digests(world.base):
        wrong.append("version 1 is another one")
    latest = version_of(lake)
    if latest == 2 and digests(lake) != world.wanted:
        wrong.append("version 2 is not the whole run")
    return wrong, latest


def check(world: World, point: str, found: Outcome) -> None:
    assert found.died == KILLED, f"the run never came to {point}"
    assert found.old == []
    committed = ("version" in point and point.endswith("after")) or "hint" in point or point.startswith("delete")
    assert found.between == (0 if _is_new(point) else 2 if committed else 1)
    assert found.again[0] == 0, found.again[1]
    assert found.versions == (1 if _is_new(point) else 2)
    assert found.whole
    # A key of its own is what a lake without a given one draws; only the table of authors may depend on it.
    free = {"authors"} if point.startswith("create key") else set()
    assert {*found.equal, *free} == set(world.wanted)
    assert found.twice == [], "finished items were done again"


@pytest.fixture(scope="module")
def outcomes(world: World) -> dict[str, Outcome]:
    return kill_at(world, list(POINTS))


@pytest.mark.parametrize("point", POINTS)
def test_a_killed_run_leaves_the_old_version_and_ends_in_the_same_bytes(world, outcomes, point):
    check(world, point, outcomes[point])


def all_points(trace: list[str], count: int) -> list[str]:
    """So many points, spread over everything that the run writes and over the three moments."""
    possible = [
        f"{name}:{moment}"
        for name in trace
        for moment in MOMENTS
        if not (moment == "torn" and name.startswith("delete"))
    ]
    step = len(possible) / count
    chosen = [possible[int(number * step)] for number in range(count)]
    assert len(set(chosen)) == count
    return chosen


@pytest.mark.long
@pytest.mark.timeout(1800)
def test_160_deaths_inline(world):
    found = kill_at(world, all_points(world.trace, 160))
    for point, outcome in found.items():
        check(world, point, outcome)
    kinds = {point.partition("#")[0] for point in found}
    print(f"\ninline, local: {len(found)} of {len(found)} deaths harmless, {len(kinds)} kinds of points")
