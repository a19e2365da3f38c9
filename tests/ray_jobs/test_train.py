"""Training through Ray Train on a small lake: what it leaves, and what a dead worker costs."""

from __future__ import annotations

import json
import threading
import time
from pathlib import Path
from typing import Any

import psutil
import pytest

from pipelines import Lake, open_lake
from pipelines.synthetic import synthesize
from ray_jobs.config import load_config
from ray_jobs.jobs import DERIVED, ingest_stage, media_stage
from ray_jobs.output import Output
from ray_jobs.session import Session
from ray_jobs.train import TrainJob, train

pytestmark = [pytest.mark.long, pytest.mark.timeout(900)]


@pytest.fixture(scope="module")
def lake(tmp_path_factory: pytest.TempPathFactory) -> Lake:
    folder = tmp_path_factory.mktemp("train")
    synthesize(folder / "raw", posts=120, broken=False)
    session = Session(Output(), load_config(None), "test", "inline")
    inputs = [f"reddit:{folder}/raw/reddit", f"youtube:{folder}/raw/youtube"]
    stages = [("ingest", ingest_stage(inputs, False)), ("media", media_stage([f"{folder}/raw/media"], False))]
    session.publish(str(folder / "lake"), stages + [(name, DERIVED[name](False)) for name in DERIVED])
    return open_lake(str(folder / "lake"))


def job(**settings: Any) -> TrainJob:
    return TrainJob(preset="tiny", micro_batch=2, workers=2, checkpoint_every=4, score_samples=0, **settings)


def losses(out: Path) -> dict[int, float]:
    rows = [json.loads(line) for line in (out / "metrics.jsonl").read_text().splitlines()]
    return {row["step"]: row["loss"] for row in rows}


def kill_a_worker_after(out: Path, step: int, killed: list[int]) -> None:
    """SIGKILL one of the workers that this process has started, once the run has taken so many steps."""
    metrics = out / "metrics.jsonl"
    while not (metrics.exists() and len(metrics.read_text().splitlines()) >= step):
        time.sleep(0.05)
    for process in psutil.Process().children(recursive=True):
        if "TrainWorker" in process.name() or "TrainWorker" in " ".join(process.cmdline()):
            process.kill()
            killed.append(process.pid)
            return


def test_a_killed_worker_costs_nothing_but_time(lake: Lake, tmp_path: Path, local_ray: None) -> None:
    undisturbed, disturbed = tmp_path / "undisturbed", tmp_path / "disturbed"
    train(lake, undisturbed, job(), Output())
    killed: list[int] = []
    killer = threading.Thread(target=kill_a_worker_after, args=(disturbed, 6, killed), daemon=True)
    killer.start()
    train(lake, disturbed, job(), Output())
    assert killed
    assert losses(disturbed) == losses(undisturbed)
    name = "model/adapter_model.safetensors"
    assert (disturbed / name).read_bytes() == (undisturbed / name).read_bytes()


def test_a_run_is_recorded_in_the_lake_and_not_done_twice(
    lake: Lake, tmp_path: Path, local_ray: None, capsys: pytest.CaptureFixture[str]
) -> None:
    first = train(lake, tmp_path / "out", job(epochs=0.1), Output())
    assert train(lake, tmp_path / "out", job(epochs=0.1), Output()) == first
    assert "up to date" in capsys.readouterr().err
    records = [
        json.loads(lake.store.read(path)) for path, _ in lake.store.walk("_runs/train") if path.endswith(".json")
    ]
    [mine] = [record for record in records if record["out"] == str(tmp_path / "out")]
    manifest = lake.manifest("samples")
    assert manifest is not None
    assert mine["samples"] == manifest.digest
    assert mine["lake_version"] == str(lake.version.version)
