"""Stores that fail as real ones do: a disk with I/O errors, torn and lost writes, and an object store that throttles,
is slow, loses its answers and gets requests twice. Used by the fault tests; the code above them is the real one."""

from __future__ import annotations

import errno
import threading
import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, BinaryIO

import pyarrow as pa
from fsspec.implementations.memory import MemoryFileSystem

from pipelines.storage import Store

DISK_FAULTS = ("eio", "enospc", "torn", "lost", "slow")
REMOTE_FAULTS = ("throttled", "reset", "lost", "slow", "duplicate")


@dataclass
class Plan:
    """Which of the coming calls fail, and how; counts what has been injected."""

    pending: list[tuple[int, str]] = field(default_factory=list)
    injected: dict[str, int] = field(default_factory=dict)

    def set(self, faults: list[tuple[int, str]]) -> None:
        """Each fault strikes after so many further calls."""
        self.pending = list(faults)

    def take(self) -> str | None:
        """The fault of this call."""
        if not self.pending:
            return None
        left, fault = self.pending[0]
        if left > 0:
            self.pending[0] = (left - 1, fault)
            return None
        self.pending.pop(0)
        self.injected[fault] = self.injected.get(fault, 0) + 1
        return fault


class FaultyDisk(Store):
    """A local store whose reads and writes fail by plan; a torn write leaves half of the bytes, as a power cut does."""

    def __init__(self, uri: str | Path, plan: Plan) -> None:
        super().__init__(uri)
        self.plan = plan

    def _write(self, path: str, data: bytes | pa.Buffer, write: Callable[[], None]) -> None:
        fault = self.plan.take()
        where = self.full(path)
        if fault == "eio":
            raise OSError(errno.EIO, "Input/output error", where)
        if fault in ("enospc", "torn"):
            whole = bytes(data)
            left = Path(where).with_name(f".{Path(where).name}.0.{len(self.plan.injected)}.tmp")
            left.parent.mkdir(parents=True, exist_ok=True)
            left.write_bytes(whole[: len(whole) // 2])
            if fault == "enospc":
                left.unlink()
            raise OSError(errno.ENOSPC if fault == "enospc" else errno.EIO, "no more", where)
        if fault == "slow":
            time.sleep(0.002)
        write()
        if fault == "lost":
            raise OSError(errno.EIO, "written, but the answer was lost", where)

    def put(self, path: str, data: bytes | pa.Buffer) -> None:
        self._write(path, data, lambda: super(FaultyDisk, self).put(path, data))

    def create(self, path: str, data: bytes, *, mode: int = 0o666) -> None:
        self._write(path, data, lambda: super(FaultyDisk, self).create(path, data, mode=mode))

    def read(self, path: str) -> bytes:
        self._may_fail(path)
        return super().read(path)

    def open(self, path: str) -> BinaryIO:
        self._may_fail(path)
        return super().open(path)

    def _may_fail(self, path: str) -> None:
        if self.plan.take() in ("eio", "torn", "lost"):
            raise OSError(errno.EIO, "Input/output error", self.full(path))


class FaultyBucket(MemoryFileSystem):  # type: ignore[misc]
    """An object store in memory that answers as S3 does through s3fs, and fails by plan.

    Conditional puts are atomic and lose with s3fs's error; a lost answer comes after the put took effect.
    """

    cachable = False
    lock = threading.Lock()

    def __init__(self, objects: dict[str, Any], plan: Plan) -> None:
        super().__init__()
        self.store, self.pseudo_dirs, self.plan = objects, [""], plan

    def pipe_file(self, path: str, value: bytes, mode: str = "overwrite") -> None:
        fault = self._strike()
        self._pipe(path, value, mode)
        if fault == "duplicate":
            with suppress(OSError):
                self._pipe(path, value, mode)
        if fault == "lost":
            raise ConnectionResetError(errno.ECONNRESET, "Connection reset by peer")

    def _pipe(self, path: str, value: bytes, mode: str) -> None:
        with self.lock:
            if mode == "create" and super().exists(path):
                raise OSError(errno.EINVAL, "At least one of the pre-conditions you specified did not hold")
            super().pipe_file(path, value)

    def cat_file(self, path: str, *args: Any, **kwargs: Any) -> Any:
        self._strike()
        return super().cat_file(path, *args, **kwargs)

    def exists(self, path: str, **kwargs: Any) -> bool:
        self._strike()
        return bool(super().exists(path, **kwargs))

    def info(self, path: str, **kwargs: Any) -> dict[str, Any]:
        found: dict[str, Any] = super().info(path, **kwargs)
        return {**found, "LastModified": datetime(2026, 1, 1, tzinfo=UTC), "ETag": str(found.get("size"))}

    def _strike(self) -> str | None:
        fault = self.plan.take()
        if fault == "throttled":
            raise OSError(errno.EBUSY, "SlowDown: Please reduce your request rate. (503)")
        if fault == "reset":
            raise ConnectionResetError(errno.ECONNRESET, "Connection reset by peer")
        if fault == "slow":
            time.sleep(0.002)
        return fault


class FaultyRemote(Store):
    """A remote store over a `FaultyBucket`."""

    def __init__(self, objects: dict[str, Any], plan: Plan) -> None:
        super().__init__("s3://bucket/lake")
        self.__dict__["_fs"] = FaultyBucket(objects, plan)
