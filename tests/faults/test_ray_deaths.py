"""Workers and drivers killed under Ray: no row is lost, and the bytes are those of an undisturbed run."""

from __future__ import annotations

import json
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from pipelines import open_lake
from pipelines.lake.reader import Lake
from pipelines.lake.verify import verify
from pipelines.storage import Store
from tests.faults.test_kills import all_points
from tests.faults.work import Dumps, digests, draw_dumps, job, quick_folder, run_jobs, version_of

UNIQUE, COPIES = 400, 60
GLOBAL_STAGES = (
    "create dedup/signatures receipt#1:before",
    "create dedup/resolve receipt#1:before",
    "create dedup/duplicates receipt#1:after",
    "create clean/reroute receipt#1:before",
    "create clean/clean receipt#1:before",
)


@pytest.fixture(scope="module")
def folder() -> Iterator[Path]:
    with quick_folder() as folder:
        yield folder


def posts_and_copies(path: Path) -> None:
    """400 posts of different texts, and 60 posts of other ids with the texts of some of them, each with a comment."""
    words = ["lake", "boat", "winter", "market", "engine", "violin", "harbour", "pepper", "granite", "meadow", "signal"]
    lines: list[dict[str, Any]] = []
    for number in range(UNIQUE + COPIES):
        which = number % UNIQUE
        text = " ".join(words[(which * k * k + which // k) % len(words)] + str(which * k) for k in range(1, 30))
        name = f"forum:{number}"
        lines.append({"post_id": name, "title": f"post {which}", "text": text, "likes": UNIQUE + COPIES - number})
        comment = f"this is what I think of number {number}, and it is a good one"
        lines.append({"comment_id": f"forum:c{number}", "post_id": name, "text": comment, "likes": number})
    path.write_text("".join(json.dumps(line) + "\n" for line in lines))


def test_400_of_400_posts_are_kept_though_a_worker_dies_in_each_global_stage(folder):
    dump = folder / "posts.jsonl"
    posts_and_copies(dump)
    dumps = Dumps(str(folder), [], [f"jsonl:{dump}"])
    markers = folder / "markers400"
    markers.mkdir()
    stages = ("ingest", "dedup", "clean")
    plain = job(dumps, folder / "plain", stages=stages)
    struck = job(
        dumps,
        folder / "struck",
        stages=stages,
        engine="ray",
        die=GLOBAL_STAGES,
        trace=str(folder / "trace400"),
        markers=str(markers),
    )
    ended = run_jobs([plain, struck], folder / "logs400")
    assert [code for code, _ in ended] == [0, 0], ended
    assert len(list(markers.iterdir())) == len(GLOBAL_STAGES), "not every stage lost a worker"
    lake = open_lake(str(folder / "struck"))
    duplicates = lake.table("duplicates").to_table().to_pylist()
    kept = {row["canonical_id"] for row in duplicates}
    assert len(kept) == UNIQUE
    assert kept == {f"forum:{number}" for number in range(UNIQUE)}
    assert len(duplicates) == UNIQUE + COPIES
    assert lake.manifest("clean_comments").ledger.rows_in == UNIQUE + COPIES
    assert digests(folder / "struck") == digests(folder / "plain")


def deaths_under_ray(folder: Path, jobs: list[dict[str, Any]]) -> list[dict[str, str]]:
    """The digests that each job's lake ends with, a job whose driver died having been started again."""
    ended = run_jobs(jobs, folder / "logs-ray")
    for number, (code, words) in enumerate(ended):
        assert code == (-9 if jobs[number].get("driver") else 0), words
        markers = list(Path(jobs[number]["markers"]).iterdir())
        assert len(markers) == len(jobs[number].get("die", ())) + len(jobs[number].get("driver", ()))
    again = [{**job, "engine": "inline", "die": (), "driver": (), "trace": None} for job in jobs if job.get("driver")]
    if again:
        assert {code for code, _ in run_jobs(again, folder / "logs-ray")} == {0}
    for job_done in jobs:
        assert verify(Lake(Store(job_done["lake"]))) == []
        assert version_of(job_done["lake"]) == 1
    return [digests(job_done["lake"]) for job_done in jobs]


def ray_job(folder: Path, dumps: Dumps, name: str, **deaths: Any) -> dict[str, Any]:
    (folder / name).mkdir()
    place = {"trace": str(folder / name / "trace"), "markers": str(folder / name / "markers")}
    Path(place["markers"]).mkdir()
    return job(dumps, folder / name / "lake", engine="ray", **place, **deaths)


@pytest.fixture(scope="module")
def undisturbed(folder: Path) -> tuple[Dumps, dict[str, str], list[str]]:
    dumps = draw_dumps(folder / "raw")
    place = {"trace": str(folder / "trace"), "markers": str(folder)}
    ((code, words),) = run_jobs([job(dumps, folder / "whole", **place)], folder / "logs")
    assert code == 0, words
    names = [line.rpartition(" ")[0] for line in (folder / "trace").read_text().splitlines()]
    return dumps, digests(folder / "whole"), names


def test_two_dead_workers_and_a_dead_driver_change_no_byte(folder, undisturbed):
    dumps, wanted, _ = undisturbed
    workers = ("put ingest part#2:torn", "create samples/samples receipt#1:after")
    jobs = [
        ray_job(folder, dumps, "workers", die=workers),
        ray_job(folder, dumps, "driver", driver=("put samples manifest#1:before",)),
    ]
    assert deaths_under_ray(folder, jobs) == [wanted, wanted]


@pytest.mark.long
@pytest.mark.timeout(3600)
def test_40_deaths_under_ray(folder, undisturbed):
    """Ten runs of three dead workers each, and ten dead drivers. A worker meets only what it does itself."""
    dumps, wanted, trace = undisturbed
    by_workers = [name for name in trace if not name.startswith("delete") and "#1" in name and " receipt" in name]
    by_workers = [name for name in by_workers if name.endswith("#1")]
    chosen = [f"{name}:{moment}" for moment in ("before", "after", "torn") for name in by_workers]
    workers = [tuple(chosen[number::10][:3]) for number in range(10)]
    made_by_driver = [name for name in trace if "manifest" in name or "version" in name or "hint" in name]
    drivers = [(point,) for point in all_points(made_by_driver, 10)]
    jobs = [ray_job(folder, dumps, f"w{n}", die=points) for n, points in enumerate(workers)]
    jobs += [ray_job(folder, dumps, f"d{n}", driver=points) for n, points in enumerate(drivers)]
    assert deaths_under_ray(folder, jobs) == [wanted] * 20
    for job_done in jobs:
        shutil.rmtree(Path(job_done["lake"]).parent)
    assert sum(map(len, workers)) + len(drivers) == 40
    print("\nRay, local: 40 of 40 deaths harmless (30 workers, 10 drivers)")
