"""Load a checkpoint, decide what of it learns, and write the result. Called by loop.py and by `ray_jobs`."""

from __future__ import annotations

import re
from pathlib import Path

import torch
from torch import nn

from schemas.errors import CheckpointError, ConfigError
from training.config import DataConfig, LoraConfig, ModelConfig
from training.data import Encoder
from training.libraries import import_transformers

TORCH_DTYPES = {"fp32": torch.float32, "bf16": torch.bfloat16, "fp16": torch.float16}


def load_encoder(model: ModelConfig, data: DataConfig) -> Encoder:
    """The checkpoint's processor with the data settings; CheckpointError where it is missing or does not fit."""
    _check_present(model)
    auto = import_transformers().AutoProcessor
    try:
        processor = auto.from_pretrained(model.path, revision=model.revision, trust_remote_code=False)
    except (OSError, ValueError, KeyError) as error:
        raise CheckpointError("cannot load the processor", where=model.path, got=_first_line(error)) from error
    if getattr(processor, "image_processor", None) is None or getattr(processor, "tokenizer", None) is None:
        raise CheckpointError("no processor for pictures and text", where=model.path, got=type(processor).__name__)
    return Encoder(processor, data)


def load_base(config: ModelConfig) -> nn.Module:
    """The checkpoint's weights, unchanged, in the configured dtype on the host."""
    _check_present(config)
    auto = import_transformers().AutoModelForImageTextToText
    try:
        loaded: nn.Module = auto.from_pretrained(
            config.path,
            revision=config.revision,
            trust_remote_code=False,
            dtype=TORCH_DTYPES[config.dtype],
            attn_implementation=config.attention,
            use_safetensors=True,
        )
    except (OSError, ValueError, KeyError) as error:
        raise CheckpointError("cannot load the model", where=config.path, got=_first_line(error)) from error
    return loaded


def prepare(base: nn.Module, config: ModelConfig) -> nn.Module:
    """`base` with LoRA, or with its frozen parts, as configured. ConfigError where a name matches nothing."""
    if config.gradient_checkpointing:
        # Recomputation without re-entering backward needs no input that requires gradients, which LoRA lacks.
        base.activation_checkpointing_enable({"use_reentrant": False})  # type: ignore[operator]
    if config.lora is not None:
        return _with_lora(base, config.lora)
    patterns = [re.compile(pattern) for pattern in config.freeze]
    for name, parameter in base.named_parameters():
        parameter.requires_grad_(not any(pattern.search(name) for pattern in patterns))
    if not any(parameter.requires_grad for parameter in base.parameters()):
        raise ConfigError("nothing is left to learn", field="model.freeze", got=", ".join(config.freeze))
    return base


def _with_lora(base: nn.Module, lora: LoraConfig) -> nn.Module:
    from peft import LoraConfig as PeftLora
    from peft import get_peft_model

    names = [name for name, _ in base.named_modules()]
    if not any(re.fullmatch(lora.targets, name) for name in names):
        raise ConfigError("no module matches", field="model.lora.targets", got=lora.targets)
    for wanted in lora.save:
        if not any(name == wanted or name.endswith(f".{wanted}") for name in names):
            raise ConfigError("no module has this name", field="model.lora.save", got=wanted)
    settings = PeftLora(
        r=lora.rank,
        lora_alpha=lora.alpha,
        lora_dropout=lora.dropout,
        target_modules=lora.targets,
        modules_to_save=list(lora.save) or None,
        bias="none",
    )
    learner: nn.Module = get_peft_model(base, settings)
    return learner


def check_agreement(model: nn.Module, encoder: Encoder) -> None:
    """Run the model once on two pictures of different shape: CheckpointError where the processor does not fit it."""
    rows = model.get_input_embeddings().weight.shape[0]  # type: ignore[operator]
    if len(encoder.tokenizer) > rows:
        raise CheckpointError(
            "the tokenizer has more tokens than the model has embeddings",
            where=str(encoder.tokenizer.name_or_path),
            expected=f"at most {rows}",
            got=str(len(encoder.tokenizer)),
        )
    try:
        with torch.no_grad():
            for size in ((64, 48), (48, 96)):
                model(**to_model(encoder.probe(size), model))
    except (ValueError, RuntimeError, IndexError) as error:
        raise CheckpointError(
            "the processor disagrees with the model",
            where=str(encoder.tokenizer.name_or_path),
            got=_first_line(error),
        ) from error


def to_model(inputs: dict[str, torch.Tensor], model: nn.Module) -> dict[str, torch.Tensor]:
    """The inputs on the model's device, pictures in its dtype."""
    first = next(model.parameters())
    return {
        name: value.to(first.device, first.dtype) if value.is_floating_point() else value.to(first.device)
        for name, value in inputs.items()
    }


def _check_present(config: ModelConfig) -> None:
    """A path that cannot be a hub id must be a folder; otherwise the hub would be asked for it."""
    path = Path(config.path)
    if (path.is_absolute() or config.path.startswith(".") or len(path.parts) > 2) and not path.is_dir():
        raise CheckpointError("no such checkpoint folder", where=config.path)


def _first_line(error: BaseException) -> str:
    return (str(error).strip().splitlines() or [type(error).__name__])[0][:200]
