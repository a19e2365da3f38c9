"""Settings of a training run: frozen, unknown names refused. Read by every module of `training`, filled by `ray_jobs`.

Defaults follow the paper's released script where it has one (learning rate 2e-5, cosine, warm-up 0.03, no weight
decay, ZeRO 2, 2048 tokens: notes of `behavior-in-the-wild/ad-memorability`, `train.sh`) for full fine-tuning; LoRA
rank and its learning rate are chosen by the caller.
"""

from __future__ import annotations

from typing import Literal

from pydantic import BaseModel, ConfigDict, Field, model_validator

DTYPES = ("fp32", "bf16", "fp16")

# The linear layers of the language model in every family that transformers 5 ships; the vision tower never matches.
LANGUAGE_LAYERS = r".*(language_model|text_model)\.(?!.*vision).*\.(q|k|v|o|gate|up|down)_proj"


class Settings(BaseModel):
    """Base of all settings: immutable, an unknown name is an error."""

    model_config = ConfigDict(frozen=True, extra="forbid")


class LoraConfig(Settings):
    """Low-rank adapters (peft). `save` names the modules that are trained in full and stored with the adapter."""

    rank: int = Field(default=64, ge=1)
    alpha: float = Field(default=128.0, gt=0)
    dropout: float = Field(default=0.0, ge=0, lt=1)
    targets: str = LANGUAGE_LAYERS
    save: tuple[str, ...] = ()


class ModelConfig(Settings):
    """Which checkpoint, and what of it learns.

    `path` is a folder or a hub id; `revision` pins a hub id. Without `lora` every parameter learns except those whose
    name matches one of the regular expressions in `freeze` (the paper: vision tower frozen, the rest trained).
    """

    path: str
    revision: str | None = None
    dtype: Literal["fp32", "bf16", "fp16"] = "fp32"
    attention: Literal["eager", "sdpa", "flash_attention_2"] = "sdpa"
    lora: LoraConfig | None = None
    freeze: tuple[str, ...] = (r"vision_tower", r"vision_model", r"\bvisual\.(?!merger)")
    gradient_checkpointing: bool = False

    @model_validator(mode="after")
    def _checks(self) -> ModelConfig:
        if not self.path:
            raise ValueError("model.path is empty: give a folder or a hub id")
        return self


class DataConfig(Settings):
    """How a sample becomes tensors.

    `frames` per video, evenly spaced among its keyframes. `image_size` is the longest side in pixels before the
    checkpoint's own processor sees the picture (null: as stored). `max_tokens` counts prompt, image and answer tokens.
    """

    frames: int = Field(default=8, ge=1)
    image_size: int | None = Field(default=None, ge=16)
    max_tokens: int = Field(default=2048, ge=16)


class OptimConfig(Settings):
    """AdamW with clipping and a cosine from `learning_rate` down to `floor` of it, after a linear warm-up."""

    learning_rate: float = Field(default=2e-5, gt=0)
    betas: tuple[float, float] = (0.9, 0.999)
    weight_decay: float = Field(default=0.0, ge=0)
    warmup: float = Field(default=0.03, ge=0, lt=1)
    floor: float = Field(default=0.0, ge=0, le=1)
    clip: float = Field(default=1.0, ge=0)


class ZeroConfig(Settings):
    """DeepSpeed ZeRO. Offload moves optimizer state (stage 1-3) or parameters (stage 3) to the host's memory."""

    stage: Literal[0, 1, 2, 3] = 2
    offload_optimizer: bool = False
    offload_parameters: bool = False

    @model_validator(mode="after")
    def _checks(self) -> ZeroConfig:
        if self.offload_parameters and self.stage != 3:
            raise ValueError("zero.offload_parameters needs zero.stage 3")
        if self.offload_optimizer and self.stage == 0:
            raise ValueError("zero.offload_optimizer needs zero.stage 1, 2 or 3")
        return self


class TrainConfig(Settings):
    """One training run. A step takes `micro_batch` x `accumulation` samples on every rank."""

    model: ModelConfig
    data: DataConfig = DataConfig()
    optim: OptimConfig = OptimConfig()
    zero: ZeroConfig = ZeroConfig()
    steps: int = Field(ge=1)
    micro_batch: int = Field(default=4, ge=1)
    accumulation: int = Field(default=1, ge=1)
    seed: int = Field(default=0, ge=0)
    checkpoint_every: int = Field(default=0, ge=0, description="steps between checkpoints; 0: only the last step")
    keep_checkpoints: int = Field(default=2, ge=1)

    @property
    def samples_per_rank(self) -> int:
        """Samples that one rank takes in one step."""
        return self.micro_batch * self.accumulation
