"""The training loop. Called by `ray_jobs/train.py` in every worker, and by itself in one process.

A step: take this rank's samples, count the answer tokens of all ranks, forward and backward per micro-batch, one
optimizer step. The loss is the mean over the answer tokens of the whole global batch, so how samples are divided among
ranks and micro-batches does not change it.
"""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Protocol

import torch
import torch.distributed as dist
from torch import nn

from schemas.errors import CheckpointError, ConfigError
from training import checkpoint
from training.checkpoint import RunState
from training.config import TrainConfig
from training.data import Batch, Encoder, collate, filled
from training.export import export
from training.metrics import KindSums, token_counts, token_losses
from training.model import check_agreement, load_base, load_encoder, prepare
from training.ranks import all_sum, process_group
from training.sample import Sample
from training.zero import initialize

Batches = Callable[[int], Iterable[Sequence[Sample]]]
Metrics = dict[str, float]
OnStep = Callable[[Metrics], None]
OnCheckpoint = Callable[[Path, int], None]


class Evaluate(Protocol):
    """Scores the model. `share` is (rank, ranks) to divide the work; (0, 1) where every rank must do all of it."""

    def __call__(self, model: nn.Module, encoder: Encoder, *, share: tuple[int, int]) -> dict[str, Any]: ...


@dataclass(frozen=True)
class Trained:
    """What a run leaves: the exported adapter or model, and the scores before and after (null without `evaluate`)."""

    model_dir: Path
    checkpoint_dir: Path | None
    steps: int
    before: dict[str, Any] | None
    after: dict[str, Any] | None


@dataclass(frozen=True)
class Run:
    """What every part of the loop needs."""

    config: TrainConfig
    engine: Any
    encoder: Encoder
    rank: int
    world_size: int


def train(
    config: TrainConfig,
    out: Path,
    *,
    batches: Batches,
    evaluate: Evaluate | None = None,
    on_step: OnStep | None = None,
    on_checkpoint: OnCheckpoint | None = None,
    resume: Path | None = None,
    provenance: Mapping[str, str] | None = None,
    rank: int = 0,
    world_size: int = 1,
) -> Trained:
    """Train for `config.steps` steps; every rank calls it with its own `batches`.

    Args:
        out: gets `checkpoints/step000010/` and `model/`; ranks may share it.
        batches: `batches(step)` yields this rank's samples of step `step + 1`, `step + 2`, ...: 1 to
            `config.samples_per_rank` of them, the same number of steps on every rank. A short one is filled with
            samples of weight 0.
        on_step: gets each step's numbers (`step`, `loss`, `loss/<kind>`, `learning_rate`, `grad_norm`, `tokens`, ...).
        on_checkpoint: gets a directory and its step, on every rank, when this rank's part is written.
        resume: a checkpoint directory to continue from.
        provenance: what the data are (lake digest, plan); kept in checkpoints, and compared on resume.

    Raises CheckpointError (missing or unfit model or checkpoint, loss not finite), ConfigError, InputError (a sample).
    """
    with process_group(rank, world_size):
        run = build(config, rank, world_size)
        state = RunState(0, config.model_dump(mode="json"), dict(provenance or {}))
        if resume is not None:
            state = checkpoint.load(
                run.engine,
                resume,
                config=config,
                provenance=state.provenance,
                rank=rank,
                world_size=world_size,
            )
        elif evaluate is not None:
            state = replace(state, before=_evaluated(run, evaluate))
        last = _steps(run, state, out, batches=batches, on_step=on_step, on_checkpoint=on_checkpoint)
        after = _evaluated(run, evaluate) if evaluate is not None else None
        export(run.engine, run.encoder, config, out / "model", rank=rank)
        dist.barrier()
        return Trained(out / "model", last or resume, config.steps, state.before, after)


def build(config: TrainConfig, rank: int, world_size: int) -> Run:
    """Model and engine, after the processor was found to fit the model; the same start on every rank."""
    encoder = load_encoder(config.model, config.data)
    torch.manual_seed(config.seed)
    base = load_base(config.model)
    check_agreement(base, encoder)
    engine = initialize(prepare(base, config.model), config, world_size)
    # From here on only dropout draws numbers, and ranks should not drop the same places.
    torch.manual_seed(config.seed + 1 + rank)
    return Run(config, engine, encoder, rank, world_size)


def train_step(run: Run, samples: Sequence[Sample]) -> Metrics:
    """One optimizer step on this rank's samples; the numbers returned are the same on every rank, times apart."""
    begun = time.perf_counter()
    micro_batches = encode_step(run, samples)
    encoded = time.perf_counter()
    device = run.engine.device
    counts = torch.tensor([token_counts(batch) for batch in micro_batches], dtype=torch.float64, device=device)
    total, real, places = all_sum(counts.sum(dim=0)).tolist()
    if total == 0:
        raise ConfigError("a step without a single answer token", field="weight", expected="a sample of weight above 0")
    sums = KindSums(device)
    learning_rate = run.engine.get_lr()[0]
    for index, batch in enumerate(micro_batches):
        losses = token_losses(run.engine, batch)
        sums.add(losses, batch.weights)
        weight = batch.weights.to(device)[losses.rows].to(losses.nll.dtype)
        # DeepSpeed averages gradients over ranks; the loss is a sum over all of them.
        run.engine.backward((losses.nll * weight).sum() * (run.world_size / total), scale_wrt_gas=False)
        if index == len(micro_batches) - 1:
            named = sums.reduced()
            _check_finite(named["loss"], run, samples)
        run.engine.step()
    return named | {
        "learning_rate": learning_rate,
        "grad_norm": float(run.engine.get_global_grad_norm() or 0.0),
        "answer_tokens": total,
        "tokens": real,
        "real_token_share": real / places,
        "data_seconds": encoded - begun,
        "step_seconds": time.perf_counter() - begun,
    }


def encode_step(run: Run, samples: Sequence[Sample]) -> list[Batch]:
    """This rank's samples of one step as micro-batches, filled up with samples of weight 0."""
    size, got = run.config.samples_per_rank, str(len(samples))
    if not 0 < len(samples) <= size:
        raise ConfigError("wrong number of samples in a step", field="batches", expected=f"1 to {size}", got=got)
    encoded = [run.encoder.encode(sample) for sample in filled(samples, size)]
    width = run.config.micro_batch
    return [collate(encoded[i : i + width], run.encoder.pad_token_id) for i in range(0, size, width)]


def _steps(
    run: Run,
    state: RunState,
    out: Path,
    *,
    batches: Batches,
    on_step: OnStep | None,
    on_checkpoint: OnCheckpoint | None,
) -> Path | None:
    """The steps after the saved one, with checkpoints; returns the last checkpoint, null where no step was left."""
    config, kept = run.config, list[Path]()
    feed = iter(batches(state.step))
    for step in range(state.step + 1, config.steps + 1):
        samples = next(feed, None)
        if samples is None:
            expected, got = f"{config.steps} steps", str(step - 1)
            raise ConfigError("the feed ended early", field="batches", expected=expected, got=got)
        run.engine.train()
        metrics = {"step": step, **train_step(run, samples)}
        if on_step is not None:
            on_step(metrics)
        if step == config.steps or (config.checkpoint_every and step % config.checkpoint_every == 0):
            kept.append(_saved(run, replace(state, step=step), out))
            if on_checkpoint is not None:
                on_checkpoint(kept[-1], step)
            for old in kept[: -config.keep_checkpoints]:
                checkpoint.discard(old, run.rank)
            kept = kept[-config.keep_checkpoints :]
    return kept[-1] if kept else None


def _saved(run: Run, state: RunState, out: Path) -> Path:
    directory = out / "checkpoints" / f"step{state.step:06d}"
    partial = run.config.model.lora is not None
    return checkpoint.save(run.engine, directory, state, rank=run.rank, world_size=run.world_size, partial=partial)


def _evaluated(run: Run, evaluate: Evaluate) -> dict[str, Any]:
    """Scores of the model as it is; under ZeRO 3 every rank must run every sample, for each forward gathers weights."""
    share = (0, 1) if run.config.zero.stage == 3 else (run.rank, run.world_size)
    run.engine.eval()
    with torch.no_grad():
        return evaluate(run.engine.module, run.encoder, share=share)


def _check_finite(loss: float, run: Run, samples: Sequence[Sample]) -> None:
    if not math.isfinite(loss):
        raise CheckpointError(
            "the loss is not finite; nothing was updated",
            where=f"step {run.engine.global_steps + 1}",
            field="loss",
            expected="a finite number",
            got=f"{loss} on samples {', '.join(str(sample['sample_id']) for sample in samples)}",
        )
