"""The one door to storage: local folders and, through fsspec, s3:// and the like. Paths are relative to the root."""

from __future__ import annotations

import io
import os
import random
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from functools import cached_property, lru_cache
from pathlib import Path
from typing import Any, BinaryIO, cast

import fsspec
import pyarrow as pa
import pyarrow.fs

from schemas.errors import InputError, MissingExtra, UserError

# The last is S3's answer to two conditional puts at once; a later try tells who won.
_THROTTLED = ("SlowDown", "503", "reduce your request", "RequestTimeout", "InternalError", "ConditionalRequestConflict")
_TRIES = 6
_FIRST_PAUSE_SECONDS = 0.2
_YOUNG_SECONDS = 600.0


class Store:
    """A folder or a bucket prefix. Cheap to make; send its `uri` to other processes, never the object."""

    def __init__(self, uri: str | Path) -> None:
        text = str(uri)
        self.is_local = "://" not in text or text.startswith("file://")
        self.uri = str(Path(text.removeprefix("file://")).absolute()) if self.is_local else text.rstrip("/")

    @cached_property
    def _fs(self) -> Any:
        settings = tuple(sorted((name, value) for name, value in os.environ.items() if name.startswith("AWS_")))
        try:
            return _filesystem(self.uri.split("://", 1)[0], os.getpid(), settings)
        except ImportError as error:
            raise MissingExtra(
                "storage needs an optional package", where=self.uri, expected="pip install 'postlake[s3]'"
            ) from error

    def _call(self, call: Any) -> Any:
        """Call the server, patiently; raises UserError where it asks for credentials, refuses or does not answer."""
        try:
            return _retrying(call)
        except _transport_errors() as error:
            problem = _server_problem(error)
            if problem is None:
                raise
            raise UserError(problem[0], where=self.uri, expected=problem[1], got=problem[2]) from error

    def full(self, path: str) -> str:
        """The absolute path, or the remote path without its protocol."""
        if self.is_local:
            return os.path.join(self.uri, path) if path else self.uri
        base = self.uri.split("://", 1)[1]
        return f"{base}/{path}" if path else base

    def read(self, path: str) -> bytes:
        """The whole object; FileNotFoundError if there is none."""
        if self.is_local:
            return Path(self.full(path)).read_bytes()
        return cast(bytes, self._call(lambda: self._fs.cat_file(self.full(path))))

    def open(self, path: str) -> BinaryIO:
        """A seekable stream over the object."""
        if self.is_local:
            return open(self.full(path), "rb")
        return cast(BinaryIO, self._call(lambda: self._fs.open(self.full(path), "rb")))

    def arrow(self, path: str) -> pa.NativeFile:
        """The object as an Arrow file: memory-mapped if local."""
        if self.is_local:
            return pa.memory_map(self.full(path))
        return pa.PythonFile(self.open(path), mode="r")

    def put(self, path: str, data: bytes | pa.Buffer) -> None:
        """Write the object so that no reader ever sees half of it; an older one is replaced."""
        if not self.is_local:
            self._call(lambda: self._fs.pipe_file(self.full(path), bytes(data)))
            return
        target = Path(self.full(path))
        temporary = _write_beside(target, data)
        os.replace(temporary, target)
        _sync_folder(target.parent)

    @contextmanager
    def writer(self, path: str) -> Iterator[BinaryIO]:
        """A file to write the object through; it appears whole at the end, and not at all if the block raises.

        A local one goes to disk as it is written, a remote one is held in memory until the end.
        """
        if not self.is_local:
            buffer = io.BytesIO()
            yield buffer
            self.put(path, buffer.getbuffer())
            return
        target = Path(self.full(path))
        temporary = _write_beside(target, b"")
        try:
            with open(temporary, "wb") as file:
                yield file
                file.flush()
                os.fsync(file.fileno())
            os.replace(temporary, target)
        finally:
            with suppress(FileNotFoundError):
                os.unlink(temporary)
        _sync_folder(target.parent)

    def create(self, path: str, data: bytes, *, mode: int = 0o666) -> None:
        """Write the object only if there is none; raises FileExistsError for all but one of any number of writers.

        `mode` is the permission of a local file, less the umask.
        """
        if not self.is_local:
            self._create_remote(path, data)
            return
        target = Path(self.full(path))
        temporary = _write_beside(target, data, mode)
        try:
            os.link(temporary, target)
        finally:
            os.unlink(temporary)
        _sync_folder(target.parent)

    def _create_remote(self, path: str, data: bytes) -> None:
        try:
            self._call(lambda: self._fs.pipe_file(self.full(path), data, mode="create"))
        except FileExistsError:
            pass
        except OSError as error:
            if "pre-condition" not in str(error).lower() and "PreconditionFailed" not in str(error):
                raise
        else:
            return
        # A retry after a lost reply meets its own object: what counts is whose bytes are there.
        if self.read(path) != data:
            raise FileExistsError(self.full(path))

    def exists(self, path: str) -> bool:
        if self.is_local:
            return os.path.exists(self.full(path))
        return bool(self._call(lambda: self._fs.exists(self.full(path))))

    def size(self, path: str) -> int:
        """Bytes of the object; FileNotFoundError if there is none."""
        if self.is_local:
            return os.path.getsize(self.full(path))
        return int(self._call(lambda: self._fs.size(self.full(path))))

    def stamp(self, path: str) -> str:
        """Size and ETag or modification time: equal stamps mean that the object need not be read again."""
        if self.is_local:
            stat = os.stat(self.full(path))
            return f"{stat.st_size}-{stat.st_mtime_ns}"
        info = self._call(lambda: self._fs.info(self.full(path)))
        return f"{info['size']}-{info.get('ETag') or info.get('LastModified')}"

    def delete(self, path: str) -> None:
        """Remove the object, if it is there."""
        with suppress(FileNotFoundError):
            if self.is_local:
                os.unlink(self.full(path))
            else:
                self._call(lambda: self._fs.rm_file(self.full(path)))

    def keep(self, path: str, data: bytes | pa.Buffer) -> None:
        """Write an object whose name is its content; one that is there already only starts a new age.

        `gc` spares what is young, so an old orphan that a running job makes use of again is safe from it.
        """
        with suppress(FileNotFoundError):
            if self.size(path) == len(data):
                if self.is_local:
                    os.utime(self.full(path))
                    return
                if time.time() - self.modified(path) < _YOUNG_SECONDS:
                    return
        self.put(path, data)

    def touch(self, path: str) -> None:
        """Let the object's age begin anew, so that `gc` spares it; FileNotFoundError if there is none."""
        if self.is_local:
            os.utime(self.full(path))
        elif time.time() - self.modified(path) > _YOUNG_SECONDS:
            self.put(path, self.read(path))

    def make_private(self) -> None:
        """Make a local store's folder, closed to other users; what raw dumps hold is nobody else's business."""
        if self.is_local:
            os.makedirs(self.uri, mode=0o700, exist_ok=True)

    def modified(self, path: str) -> float:
        """Seconds since the epoch at which the object was written; FileNotFoundError if there is none."""
        if self.is_local:
            return os.stat(self.full(path)).st_mtime
        return float(self._call(lambda: self._fs.info(self.full(path)))["LastModified"].timestamp())

    def walk(self, prefix: str = "") -> Iterator[tuple[str, int]]:
        """All objects below `prefix` as (path, bytes), sorted by path; links are not followed."""
        if self.is_local:
            yield from self._walk_local(prefix)
            return
        base = self.full("").rstrip("/") + "/"
        with suppress(FileNotFoundError):
            found = self._call(lambda: self._fs.find(self.full(prefix), detail=True))
            for name in sorted(found):
                yield name.removeprefix(base), int(found[name]["size"])

    def _walk_local(self, prefix: str) -> Iterator[tuple[str, int]]:
        found = []
        for folder, _, names in os.walk(self.full(prefix)):
            for name in names:
                path = os.path.join(folder, name)
                if not os.path.islink(path):
                    with suppress(FileNotFoundError):
                        found.append((os.path.relpath(path, self.uri), os.path.getsize(path)))
        yield from sorted(found)

    def delete_all(self, prefix: str) -> None:
        """Remove every object below `prefix`."""
        for path, _ in list(self.walk(prefix)):
            self.delete(path)
        if self.is_local:
            for folder, _, _ in os.walk(self.full(prefix), topdown=False):
                with suppress(OSError):
                    os.rmdir(folder)

    def arrow_filesystem(self) -> pa.fs.FileSystem:
        """For pyarrow.dataset; paths are those of `full`."""
        if self.is_local:
            return pa.fs.LocalFileSystem(use_mmap=True)
        return pa.fs.PyFileSystem(pa.fs.FSSpecHandler(self._fs))


@lru_cache(maxsize=4)
def _filesystem(protocol: str, _pid: int, _settings: tuple[tuple[str, str], ...]) -> Any:
    """One client a process: it takes a third of a second to make, and does not survive a fork."""
    # A cached listing would hide what another process has just committed.
    return fsspec.filesystem(protocol, use_listings_cache=False, skip_instance_cache=True)


def split_uri(uri: str) -> tuple[Store, str]:
    """The store of a file's folder, and the file's name in it."""
    folder, _, name = uri.rpartition("/")
    if "/" not in uri.split("://", 1)[-1] and "://" in uri:
        raise InputError("names no object", where=uri, expected="scheme://bucket/path")
    return Store(folder or ("." if not uri.startswith("/") else "/")), name


def expand(pattern: str) -> list[str]:
    """The files that a path, glob or URI names, sorted; a folder names all files below it."""
    if "://" in pattern and not pattern.startswith("file://"):
        return _expand_remote(pattern)
    path = Path(pattern.removeprefix("file://")).absolute()
    if path.is_dir():
        return _files_below(path, pattern)
    if path.exists():
        return [str(path)]
    anchor = Path(path.anchor)
    found = sorted(str(p) for p in anchor.glob(str(path.relative_to(anchor))) if p.is_file())
    if not found:
        raise InputError("no such file", where=pattern, expected="an existing file, folder or glob")
    return found


def _files_below(folder: Path, pattern: str) -> list[str]:
    def refuse(error: OSError) -> None:
        raise InputError("cannot be read", where=str(error.filename), got=error.strerror or "error") from error

    found = [Path(parent, name) for parent, _, names in os.walk(folder, onerror=refuse) for name in names]
    files = sorted(str(path) for path in found if path.is_file())
    if not files:
        raise InputError("no file in this folder", where=pattern, expected="at least one file")
    return files


def _expand_remote(pattern: str) -> list[str]:
    protocol, _, rest = pattern.partition("://")
    store = Store(pattern)
    fs = store._fs
    names = store._call(lambda: fs.glob(rest) if any(c in rest for c in "*?[") else fs.find(rest))
    if not names:
        raise InputError("no such object", where=pattern, expected="an existing object, prefix or glob")
    return sorted(f"{protocol}://{name}" for name in names)


def _write_beside(target: Path, data: bytes | pa.Buffer, mode: int = 0o666) -> Path:
    target.parent.mkdir(parents=True, exist_ok=True)
    temporary = target.with_name(f".{target.name}.{os.getpid()}.{random.getrandbits(48):012x}.tmp")
    try:
        with open(os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_EXCL, mode), "wb") as file:
            file.write(data)
            file.flush()
            os.fsync(file.fileno())
    except BaseException:
        with suppress(FileNotFoundError):
            os.unlink(temporary)
        raise
    return temporary


def _sync_folder(folder: Path) -> None:
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


_NO_CREDENTIALS = {"NoCredentialsError", "PartialCredentialsError", "CredentialRetrievalError", "NoAuthTokenError"}
_NO_ANSWER = {"ConnectionError", "HTTPClientError", "EndpointConnectionError", "ConnectTimeoutError"}
_KEYS = "AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY"


def _transport_errors() -> tuple[type[Exception], ...]:
    """OSError, and the base of the optional S3 client's errors if that is loaded: without it, none can come."""
    module = sys.modules.get("botocore.exceptions")
    return (OSError, module.BotoCoreError) if module else (OSError,)


def _server_problem(error: Exception) -> tuple[str, str, str] | None:
    """What is wrong, what to set and what was seen; None for an error of another kind."""
    kinds = {kind.__name__ for kind in type(error).__mro__ if kind.__module__.startswith("botocore")}
    said = str(error)[:200]
    if kinds & _NO_CREDENTIALS:
        return "the storage asks for credentials", f"{_KEYS} to be set", said
    if isinstance(error, PermissionError):
        return "access denied", f"{_KEYS} that may do this", said
    if kinds & _NO_ANSWER or isinstance(error, ConnectionError | TimeoutError):
        return "the storage does not answer", "AWS_ENDPOINT_URL and AWS_REGION to name a server that runs", said
    return None


def _retrying(call: Any) -> Any:
    """Call, and call again after a growing, jittered pause while the server is too busy or its answer gets lost.

    Everything that is called may be done twice: an object is written whole, and `create` knows its own bytes again.
    """
    for attempt in range(_TRIES):
        try:
            return call()
        except (FileNotFoundError, FileExistsError, PermissionError):
            raise
        except OSError as error:
            passing = isinstance(error, ConnectionError | TimeoutError) or any(s in f"{error!r}" for s in _THROTTLED)
            if attempt == _TRIES - 1 or not passing:
                raise
            time.sleep(random.uniform(0.5, 1.0) * _FIRST_PAUSE_SECONDS * 2**attempt)
    raise AssertionError("unreachable")
