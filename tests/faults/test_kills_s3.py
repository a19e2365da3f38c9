"""SIGKILL at points of a run whose lake is on S3: the same command ends in the bytes of an undisturbed local run."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from pipelines.lake.reader import Lake
from pipelines.lake.verify import verify
from pipelines.storage import Store
from tests.faults.test_kills import all_points
from tests.faults.work import KEY, digests, draw_dumps, job, quick_folder, run_jobs
from tests.object_store import ObjectStore, object_store

SHORT = ("create ingest/merge receipt#2:before", "create version#1:after")


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ObjectStore]:
    with object_store(tmp_path_factory.mktemp("s3")) as running, pytest.MonkeyPatch.context() as patch:
        for name, value in running.environment.items():
            patch.setenv(name, value)
        yield running


def kill_on_s3(folder: Path, server: ObjectStore, given: tuple[str, ...], count: int = 0) -> int:
    dumps = draw_dumps(folder / "raw")
    place = {"trace": str(folder / "trace"), "markers": str(folder)}
    ((code, words),) = run_jobs([job(dumps, folder / "whole", **place)], folder / "logs")
    assert code == 0, words
    trace = [line.rpartition(" ")[0] for line in (folder / "trace").read_text().splitlines()]
    # A lake on S3 makes no key file.
    trace = [name for name in trace if "key" not in name]
    points = given or tuple(all_points(trace, count))
    jobs = []
    for number, point in enumerate(points):
        (folder / f"m{number}").mkdir()
        fields = {"trace": str(folder / f"t{number}"), "markers": str(folder / f"m{number}"), "die": [point]}
        environment = {"POSTLAKE_KEY": KEY, **server.environment}
        jobs.append(job(dumps, server.url(f"{folder.name}/{number}"), environment=environment, **fields))
    assert [code for code, _ in run_jobs(jobs, folder / "logs")] == [-9] * len(points)
    again = run_jobs([{**job, "die": []} for job in jobs], folder / "logs")
    for number, point in enumerate(points):
        assert again[number][0] == 0, again[number][1]
        lake = Lake(Store(jobs[number]["lake"]))
        assert lake.version.version == 1, point
        assert digests(jobs[number]["lake"]) == digests(folder / "whole"), point
        assert verify(lake) == [], point
    return len(points)


def test_two_deaths_on_s3(server):
    with quick_folder() as folder:
        assert kill_on_s3(folder, server, SHORT) == 2


@pytest.mark.long
@pytest.mark.timeout(1800)
def test_30_deaths_on_s3(server):
    with quick_folder() as folder:
        count = kill_on_s3(folder, server, (), 30)
    print(f"\ninline, S3: {count} of {count} deaths harmless")
