"""Settings of third-party libraries that must be made before their first use. Called by whatever opens a checkpoint."""

from __future__ import annotations

import logging
import os
import sys
import warnings
from typing import Any

import torch


def import_deepspeed() -> Any:
    """DeepSpeed, told to stay on the CPU where there is no GPU, to compile nothing there, and to log on stderr."""
    if not torch.cuda.is_available():
        os.environ.setdefault("DS_ACCELERATOR", "cpu")
    import deepspeed

    if deepspeed.accelerator.get_accelerator().device_name() == "cpu":
        # Compiling this takes minutes, and a process killed meanwhile leaves a lock that hangs every later run.
        deepspeed.ops.__compatible_ops__["deepspeed_shm_comm"] = False
    noisy = logging.getLogger("DeepSpeed")
    noisy.setLevel(logging.WARNING)
    for handler in noisy.handlers:
        if type(handler) is logging.StreamHandler:
            handler.setStream(sys.stderr)
    return deepspeed


def import_transformers() -> Any:
    """transformers without progress bars; DeepSpeed first, which it would import without the settings above."""
    # peft asks for this attribute by its old name.
    warnings.filterwarnings("ignore", message="`is_gradient_checkpointing` is deprecated", category=FutureWarning)
    import_deepspeed()
    import transformers

    transformers.utils.logging.disable_progress_bar()
    return transformers
