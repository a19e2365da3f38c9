"""Checkpoints of a run in progress: written by every rank, verified before they are opened. Called by loop.py.

    <directory>/state/*                DeepSpeed's files: module (without frozen parts under LoRA), optimizer, scheduler
    <directory>/rank00000.json ...     one record per rank, written last: step, configuration, random state, and the
                                       SHA-256 of every file that this rank wrote

Ranks may share the directory or have one each that is merged later (as Ray Train does): each rank moves its files in
and signs for them alone. DeepSpeed unpickles what it loads, so nothing is opened before its hash matched, and files
that nobody signed for are refused.
"""

from __future__ import annotations

import base64
import contextlib
import hashlib
import json
import os
import shutil
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

import torch

from schemas.errors import CheckpointError
from training.config import TrainConfig

_TAG = "state"
# Settings that may change between a run and its continuation.
_FREE = ("checkpoint_every", "keep_checkpoints")


@dataclass(frozen=True)
class RunState:
    """Where a run stands. `provenance` is the caller's (lake digest, plan): a continuation must bring the same."""

    step: int
    config: dict[str, Any]
    provenance: dict[str, str] = field(default_factory=dict)
    before: dict[str, Any] | None = None


def save(engine: Any, directory: Path, state: RunState, *, rank: int, world_size: int, partial: bool) -> Path:
    """Write this rank's part; every rank must call it. `partial` leaves out frozen parameters (LoRA)."""
    private = directory / f".rank{rank:05d}"
    try:
        (private / _TAG).mkdir(parents=True, exist_ok=True)
        engine.save_checkpoint(str(private), tag=_TAG, save_latest=False, exclude_frozen_parameters=partial)
        files = _move_in(private, directory)
        record = {**asdict(state), "rank": rank, "world_size": world_size, "random": _random_state(), "files": files}
        _write_record(directory / _record_name(rank), record)
    except (OSError, RuntimeError) as error:
        raise CheckpointError("cannot write the checkpoint", where=str(directory), got=str(error)) from error
    return directory


def load(
    engine: Any,
    directory: Path,
    *,
    config: TrainConfig,
    provenance: Mapping[str, str],
    rank: int,
    world_size: int,
) -> RunState:
    """Verify the directory, refuse it where it belongs to another run, and restore engine and random state."""
    record = verify(directory, world_size)[rank]
    _check_same("configuration", directory, _comparable(record["config"]), _comparable(config.model_dump(mode="json")))
    _check_same("provenance", directory, record["provenance"], dict(provenance))
    loaded, _ = engine.load_checkpoint(str(directory), tag=_TAG, load_module_strict=config.model.lora is None)
    if loaded is None:
        raise CheckpointError("DeepSpeed found nothing to load", where=str(directory))
    _restore_random_state(record["random"])
    return RunState(record["step"], record["config"], record["provenance"], record["before"])


def verify(directory: Path, world_size: int | None = None) -> list[dict[str, Any]]:
    """The records of all ranks, after every file's hash matched. CheckpointError names the first file that does not.

    `world_size` is the number of ranks that want to continue; another number than the checkpoint's is refused, because
    ZeRO's optimizer state is cut into as many parts as there were ranks.
    """
    records = [_read_record(path) for path in sorted(directory.glob("rank*.json"))]
    if not records:
        raise CheckpointError("no complete checkpoint here", where=str(directory), expected=_record_name(0))
    ranks = records[0]["world_size"]
    if [record["rank"] for record in records] != list(range(ranks)):
        raise CheckpointError("a rank's record is missing", where=str(directory), expected=f"{ranks} records")
    if len({record["step"] for record in records}) > 1:
        raise CheckpointError("the ranks' records are of different steps", where=str(directory))
    if world_size is not None and ranks != world_size:
        raise CheckpointError(
            "the checkpoint was written by another number of workers",
            where=str(directory),
            expected=f"{ranks} workers",
            got=str(world_size),
        )
    signed = {name: digest for record in records for name, digest in record["files"].items()}
    _check_files(directory, signed)
    return records


def saved_step(directory: Path) -> int:
    """The step after which the checkpoint was written; reads the record only."""
    return int(_read_record(directory / _record_name(0))["step"])


def latest(root: Path, world_size: int) -> Path | None:
    """The newest checkpoint under `root` for which every rank has signed, or null."""
    complete = [
        path for path in root.glob("step*") if all((path / _record_name(rank)).is_file() for rank in range(world_size))
    ]
    return max(complete, key=lambda path: path.name, default=None)


def discard(directory: Path, rank: int) -> None:
    """Remove this rank's part, its record first, so that a half-removed checkpoint is never complete."""
    record = directory / _record_name(rank)
    files = _read_record(record)["files"] if record.is_file() else {}
    record.unlink(missing_ok=True)
    for name in files:
        (directory / name).unlink(missing_ok=True)
    for folder in (directory / _TAG, directory):
        # Another rank may still have files here; the last one removes the folder.
        with contextlib.suppress(OSError):
            folder.rmdir()


def _move_in(private: Path, directory: Path) -> dict[str, str]:
    """Move this rank's files to their place and return the hash of each by its name in the directory."""
    signed = {}
    for path in sorted((private / _TAG).iterdir()):
        name = f"{_TAG}/{path.name}"
        (directory / _TAG).mkdir(exist_ok=True)
        signed[name] = _sha256(path)
        os.replace(path, directory / name)
    shutil.rmtree(private)
    return signed


def _check_files(directory: Path, signed: dict[str, str]) -> None:
    for name, digest in sorted(signed.items()):
        path = directory / name
        if Path(name).parts != (_TAG, path.name) or not path.is_file():
            raise CheckpointError("a file of the checkpoint is missing", where=str(directory), field=name)
        if (found := _sha256(path)) != digest:
            raise CheckpointError(
                "a file of the checkpoint was changed", where=str(directory), field=name, expected=digest, got=found
            )
    for path in sorted((directory / _TAG).iterdir()):
        if f"{_TAG}/{path.name}" not in signed:
            raise CheckpointError("a file that no rank wrote", where=str(directory), field=f"{_TAG}/{path.name}")


def _check_same(what: str, directory: Path, saved: dict[str, Any], given: dict[str, Any]) -> None:
    for name in sorted({*saved, *given}):
        if saved.get(name) != given.get(name):
            raise CheckpointError(
                f"the checkpoint has another {what}",
                where=str(directory),
                field=name,
                expected=json.dumps(saved.get(name)),
                got=json.dumps(given.get(name)),
            )


def _comparable(config: dict[str, Any]) -> dict[str, Any]:
    """The settings that a continuation must share, flat: {"optim.clip": 1.0, ...}."""
    flat: dict[str, Any] = {}
    for name, value in config.items():
        if isinstance(value, dict):
            flat |= {f"{name}.{key}": inner for key, inner in value.items()}
        elif name not in _FREE:
            flat[name] = value
    return flat


def _record_name(rank: int) -> str:
    return f"rank{rank:05d}.json"


def _write_record(path: Path, record: dict[str, Any]) -> None:
    draft = path.with_suffix(".part")
    draft.write_text(json.dumps(record, sort_keys=True))
    os.replace(draft, path)


def _read_record(path: Path) -> dict[str, Any]:
    try:
        record: dict[str, Any] = json.loads(path.read_text())
    except (OSError, ValueError) as error:
        raise CheckpointError("cannot read the checkpoint's record", where=str(path), got=str(error)) from error
    missing = {"step", "config", "provenance", "before", "rank", "world_size", "random", "files"} - set(record)
    if missing:
        raise CheckpointError("the checkpoint's record lacks a field", where=str(path), field=min(missing))
    return record


def _random_state() -> dict[str, str]:
    states = {"cpu": torch.get_rng_state()}
    if torch.cuda.is_available():
        states["cuda"] = torch.cuda.get_rng_state()
    return {name: base64.b64encode(state.numpy().tobytes()).decode() for name, state in states.items()}


def _restore_random_state(saved: dict[str, str]) -> None:
    states = {
        name: torch.frombuffer(bytearray(base64.b64decode(text)), dtype=torch.uint8) for name, text in saved.items()
    }
    torch.set_rng_state(states["cpu"])
    if "cuda" in states and torch.cuda.is_available():
        torch.cuda.set_rng_state(states["cuda"])


def _sha256(path: Path) -> str:
    with path.open("rb") as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()
