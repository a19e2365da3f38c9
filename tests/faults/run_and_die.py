"""Runs real stages in a process of its own, which may be told to die: `python -m tests.faults.run_and_die`.

Reads one job (JSON) a line from stdin and answers each with a line `NUMBER EXIT-STATUS`. Every job runs in a fork of
this warmed process, two at a time. The parent itself never touches polars: its threads would not survive the fork.
"""

from __future__ import annotations

import importlib
import json
import os
import sys
import traceback
from pathlib import Path
from typing import Any

import pyarrow as pa

from pipelines.comments.detector import detect
from pipelines.lake.buckets import buckets_of
from ray_jobs import jobs
from ray_jobs.output import Output
from ray_jobs.session import Session, Stage, configure
from tests.faults import deaths

_IMPORTED_LATE = ("numba", "scipy.linalg", "langdetect", "zstandard", "msgspec", "PIL.Image", "av")
_LANES = 2


def run(job: dict[str, Any]) -> None:
    """Do the job's stages on its lake and commit once; with `trace`, under `deaths.arm`.

    Fields: lake, inputs, media, stages, engine; where needed cpus, settings, environment, die, driver, trace, markers,
    and digests: a file that the digests of the version's tables go to.
    """
    for name, value in job.get("environment", {}).items():
        os.environ.pop(name, None)
        if value is not None:
            os.environ[name] = value
    if job["engine"] == "ray":
        _start_ray(job)
    elif job.get("trace"):
        deaths.arm(job.get("die", ()), trace=job["trace"], markers=job["markers"])
    settings = ["ingest.max_bad_files=9", "lake.buckets=2", *job.get("settings", ())]
    session = Session(Output(), configure(None, settings), "postlake run", job["engine"])
    version, _ = session.publish(job["lake"], [(name, _stage(name, job)) for name in job["stages"]])
    if "digests" in job:
        found = {name: ref.digest for name, ref in version.tables.items()}
        Path(job["digests"]).write_text(json.dumps(found))


def _stage(name: str, job: dict[str, Any]) -> Stage:
    if name == "ingest":
        return jobs.ingest_stage(job["inputs"], False)
    if name == "media":
        return jobs.media_stage([job["media"]], False)
    return jobs.DERIVED[name](False)


def _start_ray(job: dict[str, Any]) -> None:
    """A local Ray whose workers die at the points of `die`, and this process at those of `driver`."""
    import ray

    variables = dict.fromkeys(("POLARS_MAX_THREADS", "OMP_NUM_THREADS", "ARROW_NUM_THREADS"), "1")
    environment: dict[str, Any] = {"env_vars": variables}
    if job.get("die"):
        armed = {"points": job["die"], "trace": job["trace"], "markers": job["markers"]}
        variables["POSTLAKE_TEST_DEATHS"] = json.dumps(armed)
        environment["worker_process_setup_hook"] = "tests.faults.run_and_die.arm_worker"
    ray.init(
        address="local",
        num_cpus=job.get("cpus", 2),
        include_dashboard=False,
        object_store_memory=200 * 2**20,
        log_to_driver=False,
        runtime_env=environment,
    )
    if job.get("driver"):
        deaths.arm(job["driver"], trace=job["trace"], markers=job["markers"])


def arm_worker() -> None:
    """What every Ray worker of an armed job does first."""
    armed = json.loads(os.environ["POSTLAKE_TEST_DEATHS"])
    deaths.arm(armed["points"], trace=armed["trace"], markers=armed["markers"])


def _answer(job: dict[str, Any]) -> None:
    code = 1
    with open(job["log"], "w", buffering=1) as log:
        os.dup2(log.fileno(), 1)
        os.dup2(log.fileno(), 2)
        try:
            run(job)
            code = 0
        finally:
            if code:
                traceback.print_exc(file=log)
            os._exit(code)


def main() -> None:
    """Serve jobs until stdin ends."""
    _warm()
    running: dict[int, int] = {}
    for number, line in enumerate(sys.stdin):
        child = os.fork()
        if child == 0:
            _answer(json.loads(line))
        running[child] = number
        if len(running) == _LANES:
            _report(running)
    while running:
        _report(running)


def _warm() -> None:
    """Load what every job would load for itself."""
    for name in _IMPORTED_LATE:
        importlib.import_module(name)
    detect(["a few words to detect"], seed=0)
    buckets_of(pa.array(["a"]), 2)


def _report(running: dict[int, int]) -> None:
    child, status = os.wait()
    print(running.pop(child), os.waitstatus_to_exitcode(status), flush=True)


if __name__ == "__main__":
    main()
