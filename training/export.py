"""The result of a run as safetensors, and the proof that plain transformers + peft can open it. Called by loop.py.

model = PeftModel.from_pretrained(AutoModelForImageTextToText.from_pretrained(BASE), OUT)   (LoRA)
model = AutoModelForImageTextToText.from_pretrained(OUT)                                    (full fine-tuning)
processor = AutoProcessor.from_pretrained(OUT)
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import torch
from pydantic import ValidationError
from torch import Tensor, nn

from schemas.errors import CheckpointError
from training.config import ModelConfig, TrainConfig
from training.data import Encoder
from training.libraries import import_deepspeed
from training.model import check_agreement, load_base, load_encoder

# The settings of the run, beside its weights.
SETTINGS = "training.json"


def export(engine: Any, encoder: Encoder, config: TrainConfig, out: Path, *, rank: int) -> None:
    """Write adapter (or model), processor and settings into `out` on rank 0 and reopen them; every rank calls it."""
    weights = whole_weights(engine, only_trained=config.model.lora is not None)
    if rank != 0:
        return
    if config.model.lora is not None:
        # Embeddings that learned are in modules_to_save; "auto" would ask a hub whether they changed.
        engine.module.save_pretrained(str(out), state_dict=weights, save_embedding_layers=False)
    else:
        engine.module.save_pretrained(str(out), state_dict=weights)
    encoder.processor.save_pretrained(str(out))
    (out / SETTINGS).write_text(config.model_dump_json(indent=2) + "\n")
    _check_reopened(reopen(config.model, out), weights, encoder, where=str(out))


def open_export(out: Path) -> tuple[nn.Module, Encoder, TrainConfig]:
    """An exported model in eval mode, its processor and its settings: what `tasks` need to score it."""
    try:
        config = TrainConfig.model_validate_json((out / SETTINGS).read_bytes())
    except (OSError, ValidationError) as error:
        raise CheckpointError("no exported model here", where=str(out), field=SETTINGS, got=str(error)) from error
    encoder = load_encoder(ModelConfig(path=str(out)), config.data)
    return reopen(config.model, out).eval(), encoder, config


def whole_weights(engine: Any, *, only_trained: bool) -> dict[str, Tensor]:
    """Parameters by name on rank 0's host memory (empty elsewhere), put together from all ranks under ZeRO 3."""
    zero = import_deepspeed().zero
    weights = {}
    for name, parameter in engine.module.named_parameters():
        if only_trained and not parameter.requires_grad:
            continue
        # Without ZeRO 3 a parameter is whole already, and this context does nothing.
        with zero.GatheredParameters([parameter], enabled=hasattr(parameter, "ds_id")):
            if engine.global_rank == 0:
                weights[name] = parameter.detach().to("cpu", copy=True).contiguous()
    return weights


def reopen(config: ModelConfig, out: Path) -> nn.Module:
    """The exported model from disk, as anyone would load it."""
    if config.lora is None:
        return load_base(config.model_copy(update={"path": str(out), "revision": None}))
    from peft import PeftModel

    opened: nn.Module = PeftModel.from_pretrained(load_base(config), str(out))
    return opened


def _check_reopened(opened: nn.Module, weights: dict[str, Tensor], encoder: Encoder, *, where: str) -> None:
    """Every trained weight is there with its shape and value, and one forward pass works."""
    found = dict(opened.named_parameters())
    for name, weight in weights.items():
        if name not in found:
            raise CheckpointError("the export lacks a weight", where=where, field=name)
        if found[name].shape != weight.shape or not torch.equal(found[name].to(weight.dtype), weight):
            raise CheckpointError(
                "the export has another weight", where=where, field=name, expected=str(tuple(weight.shape))
            )
    check_agreement(opened.eval(), encoder)
