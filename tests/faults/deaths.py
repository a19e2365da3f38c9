"""Dying at a named point: counts what the process writes through `Store`, and kills it before, in or after the n-th.

A point reads `put posts shard#2:before`: the verb, what is written, the how-manieth of its kind in this process, and
the moment. `torn` leaves half of the bytes under the temporary name, as a machine does that loses its power there.
"""

from __future__ import annotations

import os
import re
import signal
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from pipelines.storage import Store

MOMENTS = ("before", "torn", "after")
_KINDS = (
    (re.compile(r"_runs/inputs/.*"), "inputs receipt"),
    (re.compile(r"_runs/train/.*"), "train record"),
    (re.compile(r"_runs/([a-z]+)-[0-9a-f]+/parts/.*"), r"\1 part"),
    (re.compile(r"_runs/([a-z]+)-[0-9a-f]+/([a-z]+)/.*"), r"\1/\2 receipt"),
    (re.compile(r"([a-z_]+)/data/.*"), r"\1 shard"),
    (re.compile(r"([a-z_]+)/rejected/.*"), r"\1 rejects"),
    (re.compile(r"([a-z_]+)/manifests/.*"), r"\1 manifest"),
    (re.compile(r"media/objects/.*"), "object"),
    (re.compile(r"tombstones/.*"), "tombstones"),
    (re.compile(r"versions/expired/.*"), "expiry"),
    (re.compile(r"versions/v.*"), "version"),
    (re.compile(r"versions/latest"), "hint"),
    (re.compile(r"lake\.json"), "settings"),
    (re.compile(r".*\.key"), "key"),
)


def kind_of(store: Store, path: str) -> str:
    """What an object is, by its place; `scratch` for what lies outside the lake."""
    if ".scratch/" in store.uri:
        return "scratch"
    for pattern, name in _KINDS:
        found = pattern.fullmatch(path)
        if found:
            return found.expand(name)
    raise AssertionError(f"an object of unknown kind: {path}")


def arm(points: Sequence[str], *, trace: str, markers: str) -> None:
    """Let this process die at these points, each once in all processes that share `markers`; note every write."""
    wanted = {point.rpartition(":")[0]: point.rpartition(":")[2] for point in points}
    counts: dict[str, int] = {}
    note = os.open(trace, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)

    def watched(verb: str, original: Callable[..., Any]) -> Callable[..., Any]:
        def call(store: Store, path: str, *args: Any, **kwargs: Any) -> Any:
            name = f"{verb} {kind_of(store, path)}"
            counts[name] = counts.get(name, 0) + 1
            point = f"{name}#{counts[name]}"
            moment = wanted.get(point, "")
            if moment in ("before", "torn") and _first(markers, point):
                if moment == "torn" and args and store.is_local:
                    _tear(store, path, args[0])
                _die()
            answer = original(store, path, *args, **kwargs)
            os.write(note, f"{point} {path}\n".encode())
            if moment == "after" and _first(markers, point):
                _die()
            return answer

        return call

    for verb in ("put", "create", "delete"):
        setattr(Store, verb, watched(verb, getattr(Store, verb)))


def _first(markers: str, point: str) -> bool:
    """True for one process in all: a retried worker must not die again."""
    try:
        os.close(os.open(Path(markers, re.sub(r"\W", "-", point)), os.O_CREAT | os.O_EXCL))
    except FileExistsError:
        return False
    return True


def _tear(store: Store, path: str, data: Any) -> None:
    target = Path(store.full(path))
    target.parent.mkdir(parents=True, exist_ok=True)
    whole = bytes(data)
    target.with_name(f".{target.name}.{os.getpid()}.0123456789ab.tmp").write_bytes(whole[: len(whole) // 2])


def _die() -> None:
    os.kill(os.getpid(), signal.SIGKILL)
