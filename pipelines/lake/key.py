"""The lake's secret key, which turns author names into tokens. It lies beside a local lake, never in it."""

from __future__ import annotations

import hashlib
import hmac
import os
import secrets
from contextlib import suppress
from pathlib import Path

from pipelines.storage import Store
from schemas.errors import LakeError

ENV, ENV_FILE = "POSTLAKE_KEY", "POSTLAKE_KEY_FILE"
_MIN_BYTES = 16


def load_key(store: Store, *, create: bool = False) -> bytes:
    """The key from POSTLAKE_KEY, POSTLAKE_KEY_FILE or `<lake>.key`; with `create`, a local lake gets a random one.

    Raises LakeError if there is none, or if it is shorter than 16 bytes.
    """
    given = os.environ.get(ENV)
    if given:
        return _checked(given.encode(), ENV)
    named = os.environ.get(ENV_FILE)
    if named:
        return _checked(_read(Path(named)), named)
    if not store.is_local:
        raise LakeError("a remote lake needs a given key", where=store.uri, expected=f"{ENV} or {ENV_FILE} to be set")
    path = Path(store.uri + ".key")
    if not path.exists() and create:
        # Created as a whole and once: another process that creates the lake at the same time takes up this key.
        with suppress(FileExistsError):
            Store(path.parent).create(path.name, f"{secrets.token_hex(32)}\n".encode(), mode=0o600)
    return _checked(_read(path), str(path))


def key_fingerprint(key: bytes) -> str:
    """What the lake keeps of its key: 16 hex digits, from which the key cannot be had."""
    return hmac.new(key, b"postlake lake key", hashlib.sha256).hexdigest()[:16]


def _read(path: Path) -> bytes:
    try:
        return path.read_bytes().strip()
    except OSError as error:
        raise LakeError("the lake's key cannot be read", where=str(path), got=error.strerror or "error") from error


def _checked(key: bytes, where: str) -> bytes:
    if len(key) < _MIN_BYTES:
        raise LakeError("the key is too short", where=where, expected=f"{_MIN_BYTES} bytes or more", got=str(len(key)))
    return key
