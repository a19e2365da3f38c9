"""The process group of a run and what ranks tell each other. Used by loop.py, metrics.py and tasks/."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Iterator
from typing import Any

import torch
import torch.distributed as dist
from torch import Tensor
from torch._C._distributed_c10d import HashStore

from schemas.errors import ConfigError
from training.libraries import import_deepspeed


@contextlib.contextmanager
def process_group(rank: int, world_size: int) -> Iterator[None]:
    """The process group that exists (Ray Train's, torchrun's), or a new one of this process alone."""
    if dist.is_initialized():
        if (dist.get_rank(), dist.get_world_size()) != (rank, world_size):
            expected = f"{dist.get_rank()} of {dist.get_world_size()}"
            got = f"{rank} of {world_size}"
            raise ConfigError("not the process group's rank", field="rank", expected=expected, got=got)
        yield
        return
    if world_size != 1:
        raise ConfigError("several ranks need a process group", field="world_size", expected="1", got=str(world_size))
    backend = "nccl" if torch.cuda.is_available() else "gloo"
    dist.init_process_group(backend, store=HashStore(), rank=0, world_size=1)
    try:
        with _launched_alone():
            yield
    finally:
        # DeepSpeed keeps references to the group, which its own function drops.
        comm = import_deepspeed().comm
        (comm if comm.is_initialized() else dist).destroy_process_group()


@contextlib.contextmanager
def _launched_alone() -> Iterator[None]:
    """The variables that a launcher would set, which DeepSpeed insists on; as they were afterwards."""
    launcher = {"RANK": "0", "LOCAL_RANK": "0", "WORLD_SIZE": "1"}
    before = {name: os.environ.get(name) for name in launcher}
    os.environ.update(launcher)
    try:
        yield
    finally:
        for name, value in before.items():
            if value is None:
                del os.environ[name]
            else:
                os.environ[name] = value


def all_sum(values: Tensor) -> Tensor:
    """The sum over all ranks, as a new tensor."""
    total = values.clone()
    dist.all_reduce(total)
    return total


def gathered(rows: list[Any], share: tuple[int, int]) -> list[Any]:
    """The rows of all ranks, in rank order; `share` is (rank, number of ranks), and (0, 1) asks nobody."""
    if share[1] == 1:
        return rows
    everyone: list[list[Any]] = [[] for _ in range(share[1])]
    dist.all_gather_object(everyone, rows)
    return [row for one in everyone for row in one]
