from __future__ import annotations

import errno
import os
import threading
from pathlib import Path

import pytest

from pipelines import storage
from pipelines.storage import Store, _retrying, expand, split_uri
from schemas.errors import InputError, UserError


@pytest.fixture
def store(tmp_path: Path) -> Store:
    return Store(tmp_path / "root")


def test_readers_of_a_replaced_object_see_all_of_one_writing(store):
    store.put("a/b", b"0" * 200_000)
    stop = threading.Event()
    seen: set[bytes] = set()

    def read() -> None:
        while not stop.is_set():
            data = store.read("a/b")
            assert len(data) == 200_000
            seen.add(data[:1])
            assert data.count(data[:1]) == len(data)

    reader = threading.Thread(target=read)
    reader.start()
    for number in range(60):
        store.put("a/b", b"%d" % (number % 10) * 200_000)
    stop.set()
    reader.join()
    assert len(seen) > 1
    assert [path for path, _ in store.walk()] == ["a/b"]


def test_of_many_creators_one_wins_and_nothing_else_is_left(store):
    won: list[int] = []

    def create(number: int) -> None:
        try:
            store.create("v1", b"%d" % number)
            won.append(number)
        except FileExistsError:
            pass

    threads = [threading.Thread(target=create, args=(n,)) for n in range(12)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(won) == 1
    assert store.read("v1") == b"%d" % won[0]
    assert [path for path, _ in store.walk()] == ["v1"]


def test_a_failed_write_leaves_the_old_object_and_no_other(store, monkeypatch):
    store.put("a", b"old")

    def full(_: int) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    for write in (store.put, store.create):
        with pytest.raises(OSError, match="No space"):
            write("a", b"new")
    assert store.read("a") == b"old"
    assert [path for path, _ in store.walk()] == ["a"]


def test_a_kept_object_is_written_once_and_a_torn_one_again(store):
    store.keep("x", b"content")
    os.utime(store.full("x"), (1, 1))
    inode = os.stat(store.full("x")).st_ino
    store.keep("x", b"content")
    assert os.stat(store.full("x")).st_ino == inode
    assert store.modified("x") > 1
    store.put("x", b"cont")
    store.keep("x", b"content")
    assert store.read("x") == b"content"


def test_walk_is_sorted_and_follows_no_link(store, tmp_path):
    for name in ("b/2", "a/10", "a/9", "b/1", "c"):
        store.put(name, name.encode())
    outside = tmp_path / "outside"
    outside.mkdir()
    (outside / "secret").write_text("x")
    os.symlink(outside, store.full("linked"))
    os.symlink(outside / "secret", store.full("a/link"))
    assert list(store.walk()) == [("a/10", 4), ("a/9", 3), ("b/1", 3), ("b/2", 3), ("c", 1)]
    assert list(store.walk("a")) == [("a/10", 4), ("a/9", 3)]
    assert list(store.walk("nowhere")) == []
    store.delete_all("b")
    assert not os.path.exists(store.full("b"))
    assert (outside / "secret").exists()


def test_deleting_twice_is_no_error(store):
    store.put("a", b"")
    store.delete("a")
    store.delete("a")
    assert not store.exists("a")


def test_a_stamp_changes_when_the_file_does(store):
    store.put("a", b"one")
    before = store.stamp("a")
    assert store.stamp("a") == before
    os.utime(store.full("a"), ns=(1, 1))
    assert store.stamp("a") != before
    store.put("a", b"longer")
    assert store.stamp("a").startswith("6-")


def test_expand_names_files_folders_and_globs_in_order(tmp_path):
    for name in ("d/b.zst", "d/a.zst", "d/deep/c.zst", "d/e.json"):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text("")
    root = str(tmp_path / "d")
    assert expand(root) == [f"{root}/{n}" for n in ("a.zst", "b.zst", "deep/c.zst", "e.json")]
    assert expand(f"file://{root}") == expand(root)
    assert expand(f"{root}/*.zst") == [f"{root}/a.zst", f"{root}/b.zst"]
    assert expand(f"{root}/**/*.zst") == [f"{root}/{n}" for n in ("a.zst", "b.zst", "deep/c.zst")]
    assert expand(f"{root}/e.json") == [f"{root}/e.json"]
    with pytest.raises(InputError, match="no such file"):
        expand(f"{root}/*.gz")


def test_a_name_with_glob_signs_is_a_file_if_there_is_one(tmp_path):
    odd = tmp_path / "[draft] *.json"
    odd.write_text("")
    assert expand(str(odd)) == [str(odd)]


def test_a_uri_without_an_object_is_refused():
    with pytest.raises(InputError, match="names no object"):
        split_uri("s3://bucket")
    assert split_uri("s3://bucket/a/b")[1] == "b"


@pytest.mark.parametrize(
    ("error", "calls"),
    [
        (OSError(errno.EBUSY, "SlowDown"), 6),
        (OSError(errno.EIO, "ConditionalRequestConflict"), 6),
        (ConnectionResetError(errno.ECONNRESET, "reset"), 6),
        (TimeoutError("no answer"), 6),
        (OSError(errno.ENOSPC, "full"), 1),
        (FileNotFoundError(errno.ENOENT, "503"), 1),
        (PermissionError(errno.EACCES, "SlowDown"), 1),
    ],
)
def test_what_passes_is_tried_six_times_and_nothing_else_again(monkeypatch, error, calls):
    pauses: list[float] = []
    monkeypatch.setattr(storage.time, "sleep", pauses.append)
    made = 0

    def call() -> None:
        nonlocal made
        made += 1
        raise error

    with pytest.raises(type(error)):
        _retrying(call)
    assert made == calls
    assert len(pauses) == calls - 1
    assert all(0.1 * 2**n <= pause <= 0.2 * 2**n for n, pause in enumerate(pauses))


def test_what_passes_after_a_while_is_answered(monkeypatch):
    monkeypatch.setattr(storage, "_FIRST_PAUSE_SECONDS", 0.0)
    answers = [OSError("503"), ConnectionResetError(), None]

    def call() -> str:
        answer = answers.pop(0)
        if answer:
            raise answer
        return "there"

    assert _retrying(call) == "there"


@pytest.mark.parametrize(
    ("error", "said"),
    [
        (PermissionError(errno.EACCES, "Access Denied"), "access denied (expected AWS_ACCESS_KEY_ID and AWS_SECRET"),
        (ConnectionRefusedError(errno.ECONNREFUSED, "refused"), "does not answer (expected AWS_ENDPOINT_URL"),
    ],
)
def test_a_server_that_refuses_is_one_line(monkeypatch, error, said):
    monkeypatch.setattr(storage, "_FIRST_PAUSE_SECONDS", 0.0)

    def call() -> None:
        raise error

    with pytest.raises(UserError, match=r"^s3://b/lake: ") as caught:
        Store("s3://b/lake")._call(call)
    assert said in str(caught.value)


def test_what_the_client_raises_is_told_apart():
    from botocore import exceptions

    def call(error: Exception) -> None:
        raise error

    store, url = Store("s3://b/lake"), "http://127.0.0.1:9/b"
    for error, said in (
        (exceptions.NoCredentialsError(), "AWS_ACCESS_KEY_ID"),
        (exceptions.EndpointConnectionError(endpoint_url=url), url),
        (exceptions.ConnectTimeoutError(endpoint_url=url), "AWS_ENDPOINT_URL"),
    ):
        with pytest.raises(UserError) as caught:
            store._call(lambda error=error: call(error))
        assert said in str(caught.value)
    for error in (exceptions.ParamValidationError(report="a bug"), OSError(errno.EIO, "disk"), ValueError("a bug")):
        with pytest.raises(type(error)):
            store._call(lambda error=error: call(error))
