"""DeepSpeed: its configuration, and one engine around a model. Called by loop.py.

On a machine without an accelerator DeepSpeed runs on gloo with plain PyTorch operators: nothing is compiled.
"""

from __future__ import annotations

import math
from typing import Any

import torch
from torch import nn

from schemas.errors import ConfigError
from training.config import OptimConfig, TrainConfig
from training.libraries import import_deepspeed


def deepspeed_settings(config: TrainConfig, world_size: int) -> dict[str, Any]:
    """The dict that `deepspeed.initialize` takes. Every value is set: none comes from the environment."""
    zero: dict[str, Any] = {"stage": config.zero.stage}
    if config.zero.offload_optimizer:
        zero["offload_optimizer"] = {"device": "cpu"}
    if config.zero.offload_parameters:
        zero["offload_param"] = {"device": "cpu"}
    settings: dict[str, Any] = {
        "train_micro_batch_size_per_gpu": config.micro_batch,
        "gradient_accumulation_steps": config.accumulation,
        "train_batch_size": config.samples_per_rank * world_size,
        "gradient_clipping": config.optim.clip,
        "zero_optimization": zero,
        "zero_allow_untested_optimizer": True,
        # DeepSpeed's own CPU optimizer is a compiled operator; PyTorch's AdamW is not.
        "zero_force_ds_cpu_optimizer": False,
        "steps_per_print": 2**31 - 1,
    }
    if config.model.dtype == "bf16":
        settings["bf16"] = {"enabled": True}
    if config.model.dtype == "fp16":
        settings["fp16"] = {"enabled": True}
    return settings


def initialize(model: nn.Module, config: TrainConfig, world_size: int) -> Any:
    """A DeepSpeed engine around `model`; the process group must exist. ConfigError for fp16 without a GPU."""
    if config.model.dtype == "fp16" and not torch.cuda.is_available():
        raise ConfigError("fp16 needs a GPU", field="model.dtype", expected="fp32 or bf16", got="fp16")
    deepspeed = import_deepspeed()
    optimizer = torch.optim.AdamW(
        parameter_groups(model, config.optim.weight_decay), lr=config.optim.learning_rate, betas=config.optim.betas
    )
    engine, *_ = deepspeed.initialize(
        model=model,
        optimizer=optimizer,
        lr_scheduler=lambda wrapped: torch.optim.lr_scheduler.LambdaLR(
            wrapped, lambda step: learning_rate_factor(step, config.steps, config.optim)
        ),
        config=deepspeed_settings(config, world_size),
        dist_init_required=False,
    )
    return engine


def parameter_groups(model: nn.Module, weight_decay: float) -> list[dict[str, Any]]:
    """Trainable parameters in two groups: matrices, which decay, and vectors (biases, norms), which do not."""
    trained = [parameter for parameter in model.parameters() if parameter.requires_grad]
    groups = [
        {"params": [p for p in trained if p.dim() >= 2], "weight_decay": weight_decay},
        {"params": [p for p in trained if p.dim() < 2], "weight_decay": 0.0},
    ]
    return [group for group in groups if group["params"]]


def learning_rate_factor(step: int, steps: int, optim: OptimConfig) -> float:
    """Linear warm-up over `warmup` of the steps, then a cosine down to `floor`; `step` counts from 0."""
    rising = max(1, round(optim.warmup * steps))
    if step < rising:
        return (step + 1) / rising
    done = min(1.0, (step - rising) / max(1, steps - rising))
    return optim.floor + (1.0 - optim.floor) * 0.5 * (1.0 + math.cos(math.pi * done))
