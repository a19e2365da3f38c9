"""A lake on a real S3 server: the same commits, races, retries and readers as on a disk, and equal rows."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from pipelines import open_lake
from pipelines.lake.commit import Draft, create_or_open
from pipelines.lake.reader import HINT
from pipelines.lake.verify import verify
from pipelines.storage import Store, expand
from schemas.errors import LakeConflict, LakeError
from tests.object_store import ObjectStore, object_store
from tests.pipelines.lake.conftest import post, write_table
from tests.pipelines.lake.readers import READERS, UGLY_POSTS, in_order, through_pyarrow

POSTS = [post(number) for number in range(20)]
UGLY = [post(100 + number, **values) for number, values in enumerate(UGLY_POSTS)]


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ObjectStore]:
    with object_store(tmp_path_factory.mktemp("s3")) as running, pytest.MonkeyPatch.context() as patch:
        for name, value in running.environment.items():
            patch.setenv(name, value)
        patch.setenv("POSTLAKE_KEY", "a key that only the tests have")
        yield running


def fill(uri: str) -> str:
    draft = create_or_open(uri, buckets=4)
    draft.update({"posts": write_table(draft, "posts", POSTS)})
    draft.publish("first")
    draft = create_or_open(uri)
    draft.update({"posts": write_table(draft, "posts", POSTS[5:] + UGLY)})
    draft.publish("second")
    return uri


@pytest.fixture(scope="module")
def remote(server: ObjectStore) -> str:
    return fill(server.url("lake"))


@pytest.fixture(scope="module")
def local(server: ObjectStore, tmp_path_factory: pytest.TempPathFactory) -> str:
    assert server.environment  # It has set the key, too.
    return fill(str(tmp_path_factory.mktemp("local") / "lake"))


def test_the_same_rows_give_the_same_files(remote, local):
    for number in (1, 2):
        ours, theirs = open_lake(remote, version=number).version, open_lake(local, version=number).version
        assert ours.tables == theirs.tables
    there, here = Store(remote), Store(local)
    objects = dict(there.walk())
    assert objects == dict(here.walk())
    for path in objects:
        if not path.startswith("versions/v"):
            assert there.read(path) == here.read(path), path


@pytest.mark.parametrize("reader", READERS)
@pytest.mark.parametrize("name", ["posts", "posts@1"])
def test_every_tool_reads_from_s3_what_lies_on_the_disk(remote, local, reader, name):
    assert in_order(READERS[reader](remote, name)) == in_order(through_pyarrow(local, name))


def test_verify_finds_a_flipped_byte_and_a_lost_object(server):
    uri = fill(server.url("damaged"))
    lake = open_lake(uri)
    assert verify(lake) == []
    first, second = lake.manifest("posts").shards[:2]
    data = bytearray(lake.store.read(first.path))
    data[len(data) // 2] ^= 1
    lake.store.put(first.path, bytes(data))
    lake.store.delete(second.path)
    found = {finding.path: finding.problem for finding in verify(open_lake(uri))}
    assert set(found) == {first.path, second.path}
    assert "sha256" in found[first.path]
    assert found[second.path] == "missing"


def test_of_many_writers_exactly_one_commits(server):
    uri = fill(server.url("race"))
    drafts = [create_or_open(uri) for _ in range(6)]
    for number, draft in enumerate(drafts):
        draft.update({"posts": write_table(draft, "posts", POSTS[: 3 + number])})
    won: list[int] = []
    lost: list[int] = []

    def publish(number: int) -> None:
        try:
            drafts[number].publish("race")
            won.append(number)
        except LakeConflict:
            lost.append(number)

    threads = [threading.Thread(target=publish, args=(n,)) for n in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(won) == 1
    assert len(lost) == 5
    assert open_lake(uri).version.version == 3
    assert open_lake(uri).table("posts").count_rows() == 3 + won[0]
    assert verify(open_lake(uri)) == []


def test_a_lost_answer_is_not_a_lost_commit(server, monkeypatch):
    """The server takes the version file, the connection breaks before it says so: the retry finds its own bytes."""
    uri = fill(server.url("lost"))
    draft = create_or_open(uri)
    draft.update({"posts": write_table(draft, "posts", POSTS[:4])})
    filesystem = draft.store._fs
    real, broken = filesystem.pipe_file, []

    def pipe_file(path: str, data: bytes, **kwargs: str) -> None:
        real(path, data, **kwargs)
        if "versions/v" in path and not broken:
            broken.append(path)
            raise ConnectionResetError("the answer was lost")

    monkeypatch.setattr(filesystem, "pipe_file", pipe_file)
    assert draft.publish("unlucky").version == 3
    assert broken
    assert open_lake(uri).version.command == "unlucky"


def test_a_lost_hint_is_no_harm_and_readers_never_list(remote, monkeypatch):
    Store(remote).delete(HINT)
    monkeypatch.setattr(Store, "walk", lambda *_: pytest.fail("a reader listed"))
    assert open_lake(remote).version.version == 2
    Store(remote).put(HINT, b"2\n")


def test_inputs_are_found_and_stamped_on_s3(server):
    store = Store(server.url("dumps"))
    store.put("b/RC_2020.zst", b"one")
    store.put("a.json", b"two")
    assert expand(server.url("dumps")) == [server.url("dumps/a.json"), server.url("dumps/b/RC_2020.zst")]
    assert expand(server.url("dumps/b/*.zst")) == [server.url("dumps/b/RC_2020.zst")]
    before = store.stamp("a.json")
    store.put("a.json", b"six")
    assert store.stamp("a.json") != before
    store.delete_all("b")
    assert [path for path, _ in store.walk()] == ["a.json"]


def test_a_lake_on_s3_wants_a_given_key(server, monkeypatch):
    monkeypatch.delenv("POSTLAKE_KEY")
    with pytest.raises(LakeError, match="needs a given key"):
        create_or_open(server.url("keyless"))
    assert list(Store(server.url("keyless")).walk()) == []


def test_a_copied_lake_is_a_lake(remote, tmp_path: Path):
    store, copy = Store(remote), Store(tmp_path / "copy")
    for path, _ in store.walk():
        copy.put(path, store.read(path))
    assert in_order(through_pyarrow(copy.uri, "posts")) == in_order(through_pyarrow(remote, "posts"))
    assert isinstance(Draft(copy).version.version, int)
