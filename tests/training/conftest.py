"""A tiny checkpoint and drawn samples for the training tests, and the libraries' own warnings, named one by one."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import torch

from tests.training.shapes import answers, sample
from training.config import TrainConfig
from training.data import Encoder
from training.model import load_encoder
from training.tiny import build_tiny, tiny_config

# What DeepSpeed, peft and torch say about each other; nothing here comes from our own calls.
_FOREIGN_WARNINGS = (
    "ignore:`torch.jit.script:DeprecationWarning",
    "ignore:`torch.distributed.(all_gather_into|reduce_scatter)_tensor` is deprecated:FutureWarning",
    "ignore:`is_gradient_checkpointing` is deprecated:FutureWarning",
)


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    here = Path(__file__).parent
    for item in items:
        if here in item.path.parents:
            for warning in _FOREIGN_WARNINGS:
                item.add_marker(pytest.mark.filterwarnings(warning))


@pytest.fixture(scope="session", autouse=True)
def _one_thread() -> None:
    """Results are compared bit for bit, and the machine is shared."""
    torch.set_num_threads(1)


@pytest.fixture(scope="session")
def samples() -> list[dict[str, Any]]:
    return [sample(index) for index in range(400)]


@pytest.fixture(scope="session")
def tiny(tmp_path_factory: pytest.TempPathFactory, samples: list[dict[str, Any]]) -> Path:
    """The preset's checkpoint, with a tokenizer trained on the samples."""
    return build_tiny(tmp_path_factory.mktemp("tiny"), answers(samples), seed=0)


@pytest.fixture(scope="session")
def config(tiny: Path) -> TrainConfig:
    return tiny_config(tiny, steps=4, micro_batch=4)


@pytest.fixture(scope="session")
def encoder(config: TrainConfig) -> Encoder:
    return load_encoder(config.model, config.data)
