"""Writers and readers of one lake over failing storage, against a plain Python model of what must be in it.

A draft takes a table of the latest version and adds posts; commits succeed, fail, or lose a race. Whatever happens: a
version that exists is whole, an open reader sees what it saw, and the versions are a serial history of the commits.
"""

from __future__ import annotations

import os
import tempfile
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import Bundle, RuleBasedStateMachine, initialize, invariant, rule

from pipelines import storage
from pipelines.lake.commit import Draft
from pipelines.lake.reader import SETTINGS, Lake
from pipelines.lake.verify import verify
from pipelines.storage import Store
from schemas.errors import LakeConflict
from schemas.manifest import LakeSettings
from tests.faults.storage import DISK_FAULTS, REMOTE_FAULTS, FaultyBucket, FaultyDisk, FaultyRemote, Plan
from tests.pipelines.lake.conftest import post, write_table

TOTAL: Counter[str] = Counter()
QUICK = "/dev/shm" if os.access("/dev/shm", os.W_OK) else None


def faults(kinds: tuple[str, ...]) -> st.SearchStrategy[list[tuple[int, str]]]:
    return st.lists(st.tuples(st.integers(0, 6), st.sampled_from(kinds)), max_size=3)


class Lakes(RuleBasedStateMachine):
    """The machine; subclasses say what it runs on."""

    drafts = Bundle("drafts")
    readers = Bundle("readers")
    kinds: tuple[str, ...] = ()

    def __init__(self) -> None:
        super().__init__()
        self.plan = Plan()
        self.versions: list[frozenset[int]] = [frozenset()]
        self.maybe: list[tuple[int, frozenset[int]]] = []
        self.next_post = 0

    def store(self) -> Store:
        raise NotImplementedError

    def sound(self) -> Store:
        """The same storage without faults."""
        raise NotImplementedError

    @initialize()
    def create(self) -> None:
        self.sound().create(SETTINGS, LakeSettings(buckets=2, key_fingerprint="none").to_json())

    @rule(target=drafts, posts=st.integers(1, 3), struck=st.data())
    def plan_a_draft(self, posts: int, struck: Any) -> Any:
        """Read the latest version and write the shards of the next one."""
        new = frozenset(range(self.next_post, self.next_post + posts))
        self.next_post += posts
        self.plan.set(struck.draw(faults(self.kinds)))
        try:
            draft = Draft(self.store())
            base = draft.version.version
            have = self.versions[base] | new
            draft.update({"posts": write_table(draft, "posts", [post(n) for n in sorted(have)])})
        except OSError:
            TOTAL["drafts that failed"] += 1
            return None
        finally:
            self.plan.set([])
        TOTAL["drafts"] += 1
        return draft, base, have

    @rule(made=drafts, struck=st.data())
    def commit(self, made: Any, struck: Any) -> None:
        if made is None:
            return
        self.plan.set(struck.draw(faults(self.kinds)))
        self._publish(made)
        self.plan.set([])
        self._settle()

    @rule(first=drafts, second=drafts, third=drafts)
    def commit_at_once(self, first: Any, second: Any, third: Any) -> None:
        """Several writers at the same moment, nothing failing: of those on the latest version, one wins."""
        chosen = {id(made): made for made in (first, second, third) if made}
        current = {id(m) for m in chosen.values() if m[1] == len(self.versions) - 1}
        with ThreadPoolExecutor(3) as pool:
            won = [key for key, did in zip(chosen, pool.map(self._publish, chosen.values()), strict=True) if did]
        assert len(won) == (1 if current else 0)
        assert set(won) <= current
        self._settle()

    def _publish(self, made: Any) -> bool:
        draft, base, have = made
        try:
            version = draft.publish("test")
        except LakeConflict:
            TOTAL["conflicts"] += 1
            return False
        except OSError:
            TOTAL["commits that failed"] += 1
            self.maybe.append((base + 1, have))
            return False
        assert version.version == base + 1
        if version.version < len(self.versions):
            assert self.versions[version.version] == have
            TOTAL["commits that found themselves there"] += 1
            return False
        self.maybe.append((base + 1, have))
        TOTAL["commits"] += 1
        return True

    def _settle(self) -> None:
        """Take the new version into the model: it must be the work of one of those who tried."""
        latest = Lake(self.sound()).version.version
        assert latest in (len(self.versions) - 1, len(self.versions))
        if latest == len(self.versions):
            found = self._posts(Lake(self.sound()))
            assert (latest, found) in self.maybe
            self.versions.append(found)
        self.maybe.clear()

    @staticmethod
    def _posts(lake: Lake) -> frozenset[int]:
        if "posts" not in lake.version.tables:
            return frozenset()
        return frozenset(
            int(v.removeprefix("reddit:"), 16) for v in lake.table("posts").to_table()["post_id"].to_pylist()
        )

    @rule(target=readers)
    def open_a_reader(self) -> Any:
        lake = Lake(self.sound())
        return lake, self._posts(lake), lake.version.version

    @rule(reader=readers, struck=st.data())
    def read(self, reader: Any, struck: Any) -> None:
        """An old reader sees what it saw; one over failing storage sees all of a version or an error."""
        lake, seen, number = reader
        assert self._posts(lake) == seen == self.versions[number]
        self.plan.set(struck.draw(faults(self.kinds)))
        try:
            assert self._posts(Lake(self.store())) in self.versions
            TOTAL["reads"] += 1
        except OSError:
            TOTAL["reads that failed"] += 1
        finally:
            self.plan.set([])

    @invariant()
    def every_version_is_whole(self) -> None:
        if len(self.versions) > 1:
            self._verify(len(self.versions) - 1)

    def _verify(self, number: int) -> None:
        lake = Lake(self.sound(), number)
        assert verify(lake, threads=1) == []
        assert self._posts(lake) == self.versions[number]
        TOTAL["versions verified"] += 1

    def teardown(self) -> None:
        for number in range(1, len(self.versions)):
            self._verify(number)
        TOTAL["histories"] += 1
        for fault, count in self.plan.injected.items():
            TOTAL[f"fault {fault}"] += count


class OnDisk(Lakes):
    kinds = DISK_FAULTS

    def __init__(self) -> None:
        super().__init__()
        self.folder = tempfile.TemporaryDirectory(prefix="postlake-state-", dir=QUICK)

    def store(self) -> Store:
        return FaultyDisk(Path(self.folder.name, "lake"), self.plan)

    def sound(self) -> Store:
        return Store(Path(self.folder.name, "lake"))

    def teardown(self) -> None:
        super().teardown()
        self.folder.cleanup()


class OnObjects(Lakes):
    kinds = REMOTE_FAULTS

    def __init__(self) -> None:
        super().__init__()
        self.objects: dict[str, Any] = {}

    def store(self) -> Store:
        return FaultyRemote(self.objects, self.plan)

    def sound(self) -> Store:
        return FaultyRemote(self.objects, Plan())


@pytest.fixture(autouse=True)
def no_pauses(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(storage, "_FIRST_PAUSE_SECONDS", 0.0001)


def _run(machine: type[Lakes], examples: int, steps: int) -> None:
    TOTAL.clear()
    case = machine.TestCase
    case.settings = settings(settings.default, max_examples=examples, stateful_step_count=steps)
    case().runTest()
    print(f"\n{machine.__name__}: " + ", ".join(f"{name} {count}" for name, count in sorted(TOTAL.items())))
    for fault in machine.kinds:
        assert TOTAL[f"fault {fault}"], f"{fault} never struck"
    assert TOTAL["commits"]
    assert TOTAL["conflicts"]


@pytest.mark.parametrize("machine", [OnDisk, OnObjects])
def test_writers_and_readers_over_failing_storage(machine):
    _run(machine, 40, 25)


@pytest.mark.long
@pytest.mark.timeout(3600)
@pytest.mark.parametrize("machine", [OnDisk, OnObjects])
def test_writers_and_readers_over_failing_storage_at_length(machine):
    _run(machine, 400, 40)


def test_a_lost_answer_to_a_commit_is_no_lost_commit():
    """The put took effect, the answer did not come: the retry meets its own bytes and the writer has won."""
    objects: dict[str, Any] = {}
    plan = Plan()
    store = FaultyRemote(objects, plan)
    plan.set([(0, "lost")])
    store.create("versions/v000001.json", b"mine")
    plan.set([(0, "lost")])
    with pytest.raises(FileExistsError):
        FaultyRemote(objects, plan).create("versions/v000001.json", b"another's")
    assert store.read("versions/v000001.json") == b"mine"


def test_throttling_without_end_is_an_error_after_six_tries():
    plan = Plan()
    store = FaultyRemote({}, plan)
    plan.set([(0, "throttled")] * 50)
    with pytest.raises(OSError, match="SlowDown"):
        store.put("a", b"1")
    assert plan.injected == {"throttled": 6}


def test_a_faulty_bucket_loses_as_s3fs_does():
    """The stand-in answers a lost conditional put as the real server does; see test_object_store.py."""
    bucket = FaultyBucket({}, Plan())
    bucket.pipe_file("/b/v1", b"first", mode="create")
    with pytest.raises(OSError, match="pre-conditions") as error:
        bucket.pipe_file("/b/v1", b"second", mode="create")
    assert error.value.errno == 22
