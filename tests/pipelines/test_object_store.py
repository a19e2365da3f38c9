"""The test server is a real S3 store: it keeps objects, honours `If-None-Match: *`, and checks credentials."""

from __future__ import annotations

import socket
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from urllib.parse import urlsplit

import pytest
import s3fs

from tests.object_store import ObjectStore, object_store


@pytest.fixture(scope="module")
def store(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ObjectStore]:
    with object_store(tmp_path_factory.mktemp("s3")) as running:
        yield running


def test_object_is_kept(store: ObjectStore) -> None:
    fs = store.filesystem()
    fs.pipe_file(store.url("a/b.bin"), b"\0" * 6_000_000)
    assert fs.size(store.url("a/b.bin")) == 6_000_000
    assert fs.cat_file(store.url("a/b.bin"), start=10, end=12) == b"\0\0"
    assert fs.ls(store.url("a"), detail=False) == ["lake/a/b.bin"]


def test_conditional_put_loses_on_second(store: ObjectStore) -> None:
    fs = store.filesystem()
    fs.pipe_file(store.url("versions/v1"), b"first", mode="create")
    with pytest.raises(OSError):
        fs.pipe_file(store.url("versions/v1"), b"second", mode="create")
    assert fs.cat_file(store.url("versions/v1")) == b"first"


def test_of_many_conditional_puts_one_wins(store: ObjectStore) -> None:
    def put(i: int) -> bool:
        try:
            store.filesystem().pipe_file(store.url("versions/v2"), str(i).encode(), mode="create")
        except OSError:
            return False
        return True

    with ThreadPoolExecutor(8) as pool:
        won = list(pool.map(put, range(8)))
    assert won.count(True) == 1
    assert store.filesystem().cat_file(store.url("versions/v2")) == str(won.index(True)).encode()


def test_wrong_credentials_are_refused(store: ObjectStore) -> None:
    thief = s3fs.S3FileSystem(
        key=store.access_key, secret="0" * 40, endpoint_url=store.endpoint, skip_instance_cache=True
    )
    with pytest.raises(PermissionError):
        thief.pipe_file(store.url("stolen"), b"")


def test_server_ends_with_the_block_and_its_data_stay(tmp_path_factory: pytest.TempPathFactory) -> None:
    folder = tmp_path_factory.mktemp("s3")
    with object_store(folder) as first:
        first.filesystem().pipe_file(first.url("kept"), b"still here")
        address = urlsplit(first.endpoint)
    with pytest.raises(ConnectionRefusedError):
        socket.create_connection((str(address.hostname), int(address.port or 0)), timeout=5)
    with object_store(folder) as second:
        assert (second.access_key, second.secret_key) == (first.access_key, first.secret_key)
        assert second.filesystem().cat_file(second.url("kept")) == b"still here"
