"""The loop: what a step computes, exact resume, checkpoints that are refused, the export, two ranks against one."""

from __future__ import annotations

import json
import os
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Literal

import pytest
import torch
import torch.distributed as dist
from PIL import Image
from torch.multiprocessing.spawn import spawn

from schemas.errors import CheckpointError, ConfigError
from tests.training.shapes import sample
from training import checkpoint
from training.config import TrainConfig, ZeroConfig
from training.export import reopen
from training.loop import Batches, Trained, build, encode_step, train, train_step
from training.metrics import token_losses
from training.model import TORCH_DTYPES, load_encoder
from training.ranks import process_group
from training.tasks.behaviour import Behaviour
from training.tasks.reference import Reference


def feed(samples: list[dict[str, Any]], size: int) -> Batches:
    """The samples in order, `size` a step, from the asked step on."""

    def batches(step: int) -> Iterator[list[dict[str, Any]]]:
        for first in range(step * size, len(samples), size):
            yield samples[first : first + size]

    return batches


def losses(metrics: list[dict[str, float]]) -> list[dict[str, float]]:
    """The numbers of each step without its times."""
    return [{name: value for name, value in one.items() if not name.endswith("seconds")} for one in metrics]


@pytest.fixture(scope="module")
def whole(
    config: TrainConfig, samples: list[dict[str, Any]], tmp_path_factory: pytest.TempPathFactory
) -> tuple[Trained, list[dict[str, float]]]:
    """Four undisturbed steps with dropout, a checkpoint after each second."""
    out, metrics = tmp_path_factory.mktemp("whole"), list[dict[str, float]]()
    run = dropping(config)
    trained = train(run, out, batches=feed(samples, 4), on_step=metrics.append, provenance={"lake": "one"})
    return trained, metrics


def dropping(config: TrainConfig) -> TrainConfig:
    """The configuration with dropout, whose random state a checkpoint has to carry, and checkpoints."""
    assert config.model.lora is not None
    lora = config.model.lora.model_copy(update={"dropout": 0.2})
    model = config.model.model_copy(update={"lora": lora})
    return config.model_copy(update={"model": model, "checkpoint_every": 2})


def test_a_resumed_run_equals_an_undisturbed_one(
    whole: tuple[Trained, list[dict[str, float]]], config: TrainConfig, samples: list[dict[str, Any]], tmp_path: Path
) -> None:
    trained, metrics = whole
    early = trained.model_dir.parent / "checkpoints" / "step000002"
    assert checkpoint.saved_step(early) == 2
    assert checkpoint.latest(early.parent, world_size=1) == trained.checkpoint_dir
    further = list[dict[str, float]]()
    resumed = train(
        dropping(config),
        tmp_path,
        batches=feed(samples, 4),
        on_step=further.append,
        resume=early,
        provenance={"lake": "one"},
    )
    assert losses(further) == losses(metrics)[2:]
    adapters = [path / "adapter_model.safetensors" for path in (resumed.model_dir, trained.model_dir)]
    assert adapters[0].read_bytes() == adapters[1].read_bytes()
    assert resumed.checkpoint_dir == tmp_path / "checkpoints" / "step000004"


def test_checkpoints_that_do_not_belong_are_refused(
    whole: tuple[Trained, list[dict[str, float]]], config: TrainConfig, samples: list[dict[str, Any]], tmp_path: Path
) -> None:
    source = whole[0].checkpoint_dir
    assert source is not None
    copy = tmp_path / "copy"
    shutil.copytree(source, copy)
    state = sorted((copy / "state").iterdir())[0]
    state.write_bytes(state.read_bytes()[:-1] + b"?")
    with pytest.raises(CheckpointError, match=rf"a file of the checkpoint was changed .field state/{state.name}"):
        train(dropping(config), tmp_path / "out", batches=feed(samples, 4), resume=copy, provenance={"lake": "one"})
    shutil.copyfile(source / "state" / state.name, state)
    (copy / "state" / "extra.pt").write_bytes(b"pickle")
    with pytest.raises(CheckpointError, match=r"a file that no rank wrote .field state/extra\.pt"):
        checkpoint.verify(copy)
    state.unlink()
    with pytest.raises(CheckpointError, match=rf"missing .field state/{state.name}"):
        checkpoint.verify(copy)
    with pytest.raises(CheckpointError, match=r"another number of workers .expected 1 workers, got 2"):
        checkpoint.verify(source, world_size=2)
    with pytest.raises(CheckpointError, match="no complete checkpoint here"):
        checkpoint.verify(tmp_path)
    other = dropping(config).model_copy(update={"optim": config.optim.model_copy(update={"clip": 2.0})})
    with pytest.raises(CheckpointError, match=r"another configuration .field optim\.clip, expected 1\.0, got 2\.0"):
        checkpoint.load(None, source, config=other, provenance={"lake": "one"}, rank=0, world_size=1)
    with pytest.raises(CheckpointError, match=r'another provenance .field lake, expected "one", got "two"'):
        checkpoint.load(None, source, config=dropping(config), provenance={"lake": "two"}, rank=0, world_size=1)


def test_plain_transformers_and_peft_open_the_export(
    whole: tuple[Trained, list[dict[str, float]]], config: TrainConfig
) -> None:
    from peft import PeftModel
    from transformers import AutoModelForImageTextToText, AutoProcessor

    out = str(whole[0].model_dir)
    model = PeftModel.from_pretrained(AutoModelForImageTextToText.from_pretrained(config.model.path), out)
    processor = AutoProcessor.from_pretrained(out)
    grey = Image.new("RGB", (40, 30), (90, 90, 90))
    inputs = processor(text="<bos><user><image>What?<eos><assistant>", images=grey, return_tensors="pt")
    generated = model.generate(**inputs, max_new_tokens=3, do_sample=False)
    assert generated.shape[1] > inputs["input_ids"].shape[1]
    learned = json.loads((whole[0].model_dir / "adapter_config.json").read_text())["modules_to_save"]
    assert sorted(learned) == ["embed_tokens", "lm_head", "multi_modal_projector"]


@pytest.mark.parametrize(("lora", "dtype"), [(False, "fp32"), (True, "bf16")])
def test_full_and_half_precision_runs_export_what_plain_transformers_opens(
    config: TrainConfig, samples: list[dict[str, Any]], tmp_path: Path, lora: bool, dtype: str
) -> None:
    """The export checks itself against the trained weights when it is reopened; here: something was learned."""
    model = config.model.model_copy(update={"dtype": dtype} if lora else {"lora": None})
    gradual = model.model_copy(update={"gradient_checkpointing": True})
    metrics = list[dict[str, float]]()
    run = config.model_copy(update={"model": gradual, "steps": 3})
    trained = train(run, tmp_path, batches=feed(samples[:4] * 3, 4), on_step=metrics.append)
    assert metrics[-1]["loss"] < metrics[0]["loss"]
    opened = reopen(gradual, trained.model_dir)
    assert {parameter.dtype for name, parameter in opened.named_parameters() if "base_layer" in name or not lora} <= {
        TORCH_DTYPES[dtype]
    }


def test_the_loss_is_the_mean_over_weighted_answer_tokens(config: TrainConfig, samples: list[dict[str, Any]]) -> None:
    """By kind and in all, against a loss computed sample by sample; weight 0 counts for nothing."""
    first, second, ignored = samples[0], samples[1], {**samples[2], "weight": 0.0}
    with process_group(0, 1):
        run = build(config, 0, 1)
        run.engine.eval()
        with torch.no_grad():
            alone = [token_losses(run.engine, encode_step(run, [one])[0]) for one in (first, second)]
        kept = [one.nll[one.rows == 0] for one in alone]
        together = train_step(run, [first, ignored, second])
    expected = torch.cat(kept).double().mean().item()
    assert together["loss"] == pytest.approx(expected, abs=1e-6)
    assert together["answer_tokens"] == sum(len(one) for one in kept)
    likes = torch.cat([one.nll[(one.rows == 0) & (one.kinds == 2)] for one in alone]).double().mean().item()
    assert together["loss/likes"] == pytest.approx(likes, abs=1e-6)


def test_a_loss_that_is_not_finite_stops_the_run(
    config: TrainConfig, samples: list[dict[str, Any]], tmp_path: Path
) -> None:
    wild = config.model_copy(update={"optim": config.optim.model_copy(update={"learning_rate": 1e30, "clip": 0.0})})
    with pytest.raises(CheckpointError, match=r"step [23]: the loss is not finite; .*samples shapes:\d+#paper"):
        train(wild, tmp_path, batches=feed(samples, 4))


def test_a_checkpoint_that_cannot_be_written_is_named(
    config: TrainConfig, samples: list[dict[str, Any]], tmp_path: Path
) -> None:
    (tmp_path / "checkpoints").write_text("in the way")
    with pytest.raises(CheckpointError, match=r"checkpoints/step000001: cannot write the checkpoint"):
        train(config.model_copy(update={"steps": 1}), tmp_path, batches=feed(samples, 4))


def test_a_feed_that_ends_early_is_an_error(config: TrainConfig, samples: list[dict[str, Any]], tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=r"the feed ended early .field batches, expected 4 steps, got 1"):
        train(config, tmp_path, batches=feed(samples[:4], 4))


def _worker(rank: int, world_size: int, store: str, config: TrainConfig, out: str) -> None:
    """One rank of a spawned group: every `world_size`-th sample of the global batch of 8, then of 3 held-out ones."""
    os.environ.update({"RANK": str(rank), "LOCAL_RANK": str(rank), "WORLD_SIZE": str(world_size)})
    torch.set_num_threads(1)
    dist.init_process_group("gloo", init_method=f"file://{store}", rank=rank, world_size=world_size)
    mine = [sample(index) for index in range(rank, 8 * config.steps, world_size)]
    trained, metrics = scored(config, Path(out), mine, rank=rank, world_size=world_size)
    Path(out, f"rank{rank}.json").write_text(json.dumps([metrics, trained.before, trained.after]))
    dist.destroy_process_group()


def scored(
    config: TrainConfig, out: Path, mine: list[dict[str, Any]], *, rank: int = 0, world_size: int = 1
) -> tuple[Trained, list[dict[str, float]]]:
    """A run on `mine` with scores on three held-out samples before and after."""
    reference = Reference.fit(load_encoder(config.model, config.data), [sample(index) for index in range(40)])
    metrics = list[dict[str, float]]()
    trained = train(
        config,
        out,
        batches=feed(mine, 8 // world_size),
        evaluate=Behaviour(reference, [sample(index, frames=2) for index in range(900, 903)]),
        on_step=metrics.append,
        rank=rank,
        world_size=world_size,
    )
    return trained, metrics


@pytest.mark.parametrize("stage", [2, pytest.param(1, marks=pytest.mark.long), pytest.param(3, marks=pytest.mark.long)])
def test_two_ranks_equal_one(config: TrainConfig, tmp_path: Path, stage: Literal[1, 2, 3]) -> None:
    """The same losses and scores, whether a global batch of 8 lies on two ranks or is accumulated on one."""
    shared = config.model_copy(update={"steps": 2, "micro_batch": 4, "zero": ZeroConfig(stage=stage)})
    store, out = str(tmp_path / "store"), str(tmp_path / "two")
    spawn(_worker, args=(2, store, shared, out), nprocs=2)  # type: ignore[no-untyped-call]
    alone = shared.model_copy(update={"accumulation": 2})
    trained, metrics = scored(alone, tmp_path / "one", [sample(index) for index in range(8 * 2)])
    ranks = [json.loads((tmp_path / "two" / f"rank{rank}.json").read_text()) for rank in range(2)]
    for found_metrics, before, after in ranks:
        for found, expected in zip(losses(found_metrics), losses(metrics), strict=True):
            # Padding depends on which samples share a micro-batch.
            assert without(found, "real_token_share") == pytest.approx(without(expected, "real_token_share"), abs=1e-5)
        assert flat(before) == pytest.approx(flat(trained.before), rel=1e-4, abs=1e-4)
        assert flat(after) == pytest.approx(flat(trained.after), rel=1e-4, abs=1e-4)
    assert ranks[0][1:] == ranks[1][1:]
    assert len(checkpoint.verify(tmp_path / "two" / "checkpoints" / "step000002", world_size=2)) == 2


def without(numbers: dict[str, float], name: str) -> dict[str, float]:
    return {key: value for key, value in numbers.items() if key != name}


def flat(scores: dict[str, Any] | None, prefix: str = "") -> dict[str, float]:
    """Nested scores as one dict of numbers."""
    found: dict[str, float] = {}
    for name, value in (scores or {}).items():
        if isinstance(value, dict):
            found |= flat(value, f"{prefix}{name}.")
        elif value is not None:
            found[prefix + name] = value
    return found
