"""The train job: opens the lake, lays down the feed, and runs `training.loop` in Ray Train workers."""

from __future__ import annotations

import json
import math
import os
import threading
import time
from collections.abc import Iterable, Iterator
from contextlib import nullcontext
from pathlib import Path
from typing import Any, Literal

import pyarrow as pa
import pyarrow.compute as pc
from pydantic import BaseModel, ConfigDict, Field

from pipelines.lake.reader import Lake, open_lake
from pipelines.lake.runs import plan_digest
from pipelines.media.frames import Frames
from ray_jobs.feed import COLUMNS, Feed, epoch_order, stream, whole_order, with_media, write_feed
from ray_jobs.output import Output
from ray_jobs.runtime import start_ray
from ray_jobs.stage import require
from schemas.errors import CheckpointError, ConfigError, InputError
from schemas.manifest import canonical_json
from training.config import DataConfig, ModelConfig, OptimConfig, TrainConfig, ZeroConfig

_OBJECT_STORE_BYTES = 512 * 2**20
_FEED_CPUS = 0.5


class TrainJob(BaseModel):
    """The `[train]` section: the model, how long, and on how many workers."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    preset: Literal["tiny"] | None = None
    """`tiny`: a random model of a few million parameters, built here; else `model` names a checkpoint."""
    model: ModelConfig | None = None
    data: DataConfig | None = None
    optim: OptimConfig | None = None
    zero: ZeroConfig = ZeroConfig()
    epochs: float = Field(1.0, gt=0)
    micro_batch: int = Field(4, ge=1)
    accumulation: int = Field(1, ge=1)
    seed: int = Field(0, ge=0)
    checkpoint_every: int = Field(0, ge=0)
    """Steps between checkpoints; 0: only the last step."""
    workers: int = Field(2, ge=1)
    cpus_per_worker: float | None = Field(None, gt=0)
    """Default: 1, or less where that would leave no CPU for the Ray Data tasks that feed the workers."""
    gpus_per_worker: float = Field(0.0, ge=0)
    max_failures: int = Field(2, ge=0)
    """Restarts from the last checkpoint after a worker died."""
    score_samples: int = Field(256, ge=0)
    """Held-out samples that are scored before and after; 0: none."""
    score_split: Literal["val", "test"] = "test"
    reference_samples: int = Field(20_000, ge=1)
    """Training samples from which baselines are fitted."""


def train(lake: Lake, out: Path, job: TrainJob, output: Output) -> dict[str, Any]:
    """Train on the lake's `samples` and return the scores; also written to `OUT/scores.json`.

    OUT gets base/ (preset `tiny`), model/ (adapter and processor), checkpoints, metrics.jsonl and scores.json.
    Raises LakeError without samples, ConfigError, CheckpointError.
    """
    manifest = require(lake, "samples", "samples")
    out = out.absolute()
    out.mkdir(parents=True, exist_ok=True)
    provenance = {"samples": manifest.digest, "lake_version": str(lake.version.version)}
    plan = plan_digest("train", {**provenance, "job": job.model_dump(mode="json")})
    done = _done(out, plan)
    if done is not None:
        output.log("train: up to date")
        return done
    samples = _read_split(lake, "train")
    if samples.num_rows == 0:
        raise InputError("no training sample", where=lake.store.uri, field="samples", expected="split train", got="0")
    order = whole_order(samples["sample_id"].to_pylist(), job.seed, job.epochs)
    steps = math.ceil(len(order) / (job.workers * job.micro_batch * job.accumulation))
    config = train_config(job, out, samples, steps)
    if job.preset is None:
        from training.model import load_encoder

        load_encoder(config.model, config.data)  # A model that is not there should be said before workers start.
    folder = f"_runs/{plan}/feed"
    per_rank = job.micro_batch * job.accumulation
    feed = write_feed(lake.store, folder, samples, order, ranks=job.workers, per_rank=per_rank)
    lake.store.put(
        f"_runs/train/{plan}.json",
        canonical_json({**provenance, "plan": plan, "out": str(out), "num_samples": samples.num_rows}),
    )
    output.log(f"train: {samples.num_rows:,} samples, {steps:,} steps on {job.workers} workers")
    settings = {
        "lake": lake.store.uri,
        "version": lake.version.version,
        "config": config.model_dump(mode="json"),
        "job": job.model_dump(mode="json"),
        "feed": feed.__dict__,
        "provenance": provenance,
        "plan": plan,
        "out": str(out),
    }
    if not (out / "ray" / plan).exists():
        (out / "metrics.jsonl").unlink(missing_ok=True)
    with _watched(out / "metrics.jsonl", steps, output):
        _fit(settings, job, plan, out)
    lake.store.delete_all(folder)
    scores: dict[str, Any] = json.loads((out / "scores.json").read_text())
    return scores


def _done(out: Path, plan: str) -> dict[str, Any] | None:
    """The scores of this very run, if OUT holds its end."""
    try:
        scores: dict[str, Any] = json.loads((out / "scores.json").read_text())
    except (OSError, ValueError):
        return None
    return scores if scores.get("plan") == plan and (out / "model").is_dir() else None


def train_config(job: TrainJob, out: Path, samples: pa.Table, steps: int) -> TrainConfig:
    """The loop's configuration; the preset's checkpoint is built here, from the training split's own text."""
    shared: dict[str, Any] = {
        "zero": job.zero,
        "steps": steps,
        "micro_batch": job.micro_batch,
        "accumulation": job.accumulation,
        "seed": job.seed,
        "checkpoint_every": job.checkpoint_every,
    }
    if job.preset == "tiny":
        from training.tiny import build_tiny, tiny_config

        base = build_tiny(out / "base", _texts(samples), job.seed)
        preset = tiny_config(base, steps=steps, micro_batch=job.micro_batch, seed=job.seed)
        given = {name: value for name in ("data", "optim") if (value := getattr(job, name)) is not None}
        return preset.model_copy(update=shared | given)
    if job.model is None:
        raise ConfigError(
            "which model?", where="[train]", field="model.path", expected="a folder, a hub id or a preset"
        )
    given = {name: value for name in ("data", "optim") if (value := getattr(job, name)) is not None}
    return TrainConfig(model=job.model, **shared, **given)


def _read_split(lake: Lake, split: str) -> pa.Table:
    """The samples of a split, sorted by id, without media."""
    rows = lake.table("samples").to_table(columns=COLUMNS, filter=pc.field("split") == split)
    return rows.sort_by("sample_id").combine_chunks()


def _texts(samples: pa.Table) -> Iterator[str]:
    for messages in samples["messages"].to_pylist():
        for message in messages:
            yield from (part["text"] for part in message["content"] if part["text"])


def held_out(lake: Lake, split: str, count: int) -> list[dict[str, Any]]:
    """`count` samples of a split, chosen by a hash of their ids, with their media."""
    frames = Frames(lake)
    return [with_media(row, frames) for row in _some(lake, split, count)]


def reference_rows(lake: Lake, count: int) -> Iterable[dict[str, Any]]:
    """`count` training samples, chosen by a hash of their ids, without media: what baselines are fitted on."""
    return [{**row, "media": {}} for row in _some(lake, "train", count)]


def _some(lake: Lake, split: str, count: int) -> list[dict[str, Any]]:
    """Not the first by id: those would all be of one platform."""
    rows = _read_split(lake, split)
    chosen = epoch_order(rows["sample_id"].to_pylist(), 0, 0)[:count]
    found: list[dict[str, Any]] = rows.take(pa.array(chosen)).to_pylist()
    return found


def _fit(settings: dict[str, Any], job: TrainJob, plan: str, out: Path) -> None:
    # Without this a report waits for the controller's next look, 2 s later.
    os.environ.setdefault("RAY_TRAIN_HEALTH_CHECK_INTERVAL_S", "0.2")
    import ray.train
    from ray.train.torch import TorchConfig, TorchTrainer

    cpus = start_ray(object_store_bytes=_OBJECT_STORE_BYTES)
    spare = cpus - _FEED_CPUS
    per_worker = job.cpus_per_worker or min(1.0, spare / job.workers)
    if job.workers * per_worker > spare:
        raise ConfigError(
            "the workers would leave no CPU for their own feed, and wait for ever",
            where="[train]",
            field="workers x cpus_per_worker",
            expected=f"at most {spare:g}",
            got=f"{job.workers} x {per_worker:g}",
        )
    trainer = TorchTrainer(
        _work,
        train_loop_config=settings,
        torch_config=TorchConfig(backend="nccl" if job.gpus_per_worker else "gloo"),
        scaling_config=ray.train.ScalingConfig(
            num_workers=job.workers,
            use_gpu=job.gpus_per_worker > 0,
            resources_per_worker={"CPU": per_worker} | ({"GPU": job.gpus_per_worker} if job.gpus_per_worker else {}),
        ),
        run_config=ray.train.RunConfig(
            name=plan,
            storage_path=str(out / "ray"),
            failure_config=ray.train.FailureConfig(max_failures=job.max_failures),
            checkpoint_config=ray.train.CheckpointConfig(num_to_keep=2),
        ),
    )
    try:
        trainer.fit()
    except ray.train.TrainingFailedError as error:
        raise CheckpointError("training failed", where=str(out), got=_cause(error)) from error


def _cause(error: BaseException) -> str:
    """The last line of the worker's own traceback, which Ray wraps several times."""
    lines = [line.strip() for line in str(error).splitlines() if line.strip()]
    return lines[-1][:500] if lines else type(error).__name__


def _work(settings: dict[str, Any]) -> None:
    """One Ray Train worker."""
    import ray.train

    from training.loop import train as train_loop
    from training.model import load_encoder
    from training.tasks.behaviour import Behaviour
    from training.tasks.reference import Reference

    context = ray.train.get_context()
    rank, ranks = context.get_world_rank(), context.get_world_size()
    lake = open_lake(settings["lake"], version=settings["version"])
    config = TrainConfig.model_validate(settings["config"])
    job = TrainJob.model_validate(settings["job"])
    feed = Feed(**settings["feed"])
    out = Path(settings["out"])
    evaluate = None
    if job.score_samples:
        encoder = load_encoder(config.model, config.data)
        reference = Reference.fit(encoder, reference_rows(lake, job.reference_samples))
        evaluate = Behaviour(reference, held_out(lake, job.score_split, job.score_samples))

    def on_step(metrics: dict[str, float]) -> None:
        if rank == 0:
            with open(out / "metrics.jsonl", "a") as file:
                file.write(json.dumps(metrics) + "\n")

    def on_checkpoint(directory: Path, step: int) -> None:
        ray.train.report({"step": step}, checkpoint=ray.train.Checkpoint.from_directory(str(directory)))

    saved = ray.train.get_checkpoint()
    with saved.as_directory() if saved else nullcontext() as directory:
        trained = train_loop(
            config,
            out,
            batches=lambda step: stream(feed, rank, step, lake),
            evaluate=evaluate,
            on_step=on_step,
            on_checkpoint=on_checkpoint,
            resume=Path(directory) if directory else None,
            provenance=settings["provenance"],
            rank=rank,
            world_size=ranks,
        )
    if rank == 0:
        scores = {
            "steps": trained.steps,
            "split": job.score_split,
            "plan": settings["plan"],
            "lake": settings["provenance"],
            "before": trained.before,
            "after": trained.after,
        }
        (out / "scores.json").write_text(json.dumps(scores, indent=2, sort_keys=True) + "\n")


class _watched:
    """Shows progress on the driver while the workers write one line a step."""

    def __init__(self, path: Path, steps: int, output: Output) -> None:
        self._path, self._steps, self._output = path, steps, output
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._watch, daemon=True)

    def __enter__(self) -> None:
        self._thread.start()

    def __exit__(self, *_: object) -> None:
        self._stop.set()
        self._thread.join()

    def _watch(self) -> None:
        with self._output.progress("train (steps)", self._steps) as progress:
            seen = 0
            while not self._stop.is_set():
                time.sleep(0.5)
                done = len(self._path.read_bytes().splitlines()) if self._path.exists() else 0
                progress.advance(0, done - seen)  # type: ignore[arg-type]
                seen = done
