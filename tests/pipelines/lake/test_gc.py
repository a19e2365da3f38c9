from __future__ import annotations

import hashlib
import os
import time
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from pipelines import open_lake
from pipelines.lake.expiry import expire
from pipelines.lake.gc import gc, referenced
from pipelines.lake.reader import Lake, latest_version
from pipelines.lake.runs import Phase
from pipelines.lake.verify import verify
from pipelines.storage import Store
from schemas.errors import LakeError
from schemas.manifest import Receipt
from tests.pipelines.lake.conftest import post, write_table

DAY = timedelta(hours=24)
NOW = datetime.now(UTC)
LATER = NOW + timedelta(days=30)


def files(store: Store) -> set[str]:
    return {path for path, _ in store.walk()}


def commit(draft, number: int, **values) -> Lake:
    """A version with `number` posts."""
    fresh = type(draft)(draft.store)
    fresh.update({"posts": write_table(fresh, "posts", [post(i, **values) for i in range(number)])})
    fresh.publish("test")
    return Lake(draft.store)


def grow(make_lake, versions: int = 3):
    draft = make_lake(20)
    for number in range(1, versions):
        commit(draft, 20, likes=number)
    return draft.store


def test_a_lake_without_garbage_loses_nothing_however_old_it_is(make_lake):
    store = grow(make_lake)
    before = files(store)
    done = gc(store, grace=timedelta(0), now=LATER)
    assert (done.files, done.expired, done.waiting) == ((), (), ())
    assert files(store) == before


def test_orphans_go_after_the_grace_period_and_not_before(make_lake):
    store = grow(make_lake)
    whole = files(store)
    orphans = {
        "posts/data/0123456789abcdef.arrow",
        "posts/rejected/0123456789abcdef.arrow",
        "comments/manifests/0123456789abcdef.json",
        "media/objects/" + "a" * 64,
        "tombstones/0123456789abcdef.json",
        "_runs/dedup-0123456789abcdef/resolve/b00001.json",
        "_runs/dedup-0123456789abcdef/parts/x.arrow",
        "versions/.v000009.json.17.0123456789ab.tmp",
    }
    for path in orphans:
        store.put(path, Receipt(item="b00001").to_json())
    assert gc(store, grace=DAY, now=NOW).files == ()
    assert gc(store, grace=DAY, now=LATER, dry_run=True).files == tuple(
        sorted(orphans, key=lambda path: ("/manifests/" not in path, path))
    )
    assert files(store) == whole | orphans
    assert set(gc(store, grace=DAY, now=LATER).files) == orphans
    assert files(store) == whole


def test_files_of_others_and_records_are_nobodys_garbage(make_lake):
    store = grow(make_lake)
    kept = {
        "notes.txt",
        "posts/README.md",
        "_runs/train/train-0123456789abcdef.json",
        "_runs/inputs/inputs/0123.json",
        "elsewhere/data/0123456789abcdef.arrow",
    }
    for path in kept:
        store.put(path, b"{}")
    gc(store, grace=timedelta(0), now=LATER, keep=1)
    assert kept <= files(store)
    assert Path(store.uri + ".key").exists()


def test_keep_expires_the_older_versions_and_a_reader_has_the_grace_period_to_finish(make_lake):
    store = grow(make_lake)
    reader = open_lake(store.uri, version=1)
    done = gc(store, grace=DAY, now=NOW, keep=1)
    assert (done.waiting, done.expired, done.files) == ((1, 2), (), ())
    assert reader.table("posts").count_rows() == 20
    assert open_lake(store.uri).table("posts@1").count_rows() == 20
    gone = gc(store, grace=DAY, now=NOW + 2 * DAY, keep=1)
    assert (gone.waiting, gone.expired) == ((), (1, 2))
    assert gone.files[0].startswith("posts/manifests/")
    with pytest.raises(
        LakeError, match=r"has expired, and its data are gone \(expected a later version, up to 3, got 1"
    ):
        open_lake(store.uri, version=1).table("posts")
    assert open_lake(store.uri).table("posts").to_table(columns=["likes"])["likes"].to_pylist() == [2] * 20
    assert verify(open_lake(store.uri)) == []


def test_a_shard_that_a_living_version_shares_stays(make_lake):
    draft = make_lake(20)
    commit(draft, 40)
    fresh = type(draft)(draft.store)
    fresh.update({"posts": write_table(fresh, "posts", [post(i) for i in range(20)])})
    fresh.publish("as the first")
    gc(draft.store, grace=timedelta(0), now=LATER, keep=1)
    assert verify(open_lake(draft.store.uri)) == []
    assert open_lake(draft.store.uri).table("posts").count_rows() == 20


def test_the_newest_version_is_kept_whatever_is_marked(make_lake):
    store = grow(make_lake)
    expire(store, [1, 2, 3], reason="test", now=NOW)
    gc(store, grace=timedelta(0), now=LATER)
    assert verify(open_lake(store.uri)) == []


def test_versions_are_still_counted_when_the_first_are_gone_and_the_hint_is_lost(make_lake):
    store = grow(make_lake)
    gc(store, grace=timedelta(0), now=LATER, keep=1)
    store.delete("versions/latest")
    assert latest_version(store) == 3


def test_only_media_objects_that_no_version_names_go(make_lake):
    data = {hashlib.sha256(text).hexdigest(): text for text in (b"one", b"two", b"three")}
    rows = [{"media_id": name, "kind": "image", "mime": "image/png", "num_bytes": 3} for name in sorted(data)]
    draft = make_lake(5, media=rows)
    for name, text in data.items():
        draft.store.put(f"media/objects/{name}", text)
    second = type(draft)(draft.store)
    second.update({"media": write_table(second, "media", rows[:2])})
    second.publish("one object fewer")
    assert gc(draft.store, grace=timedelta(0), now=LATER).files == ()
    gone = gc(draft.store, grace=timedelta(0), now=LATER, keep=1).files
    assert f"media/objects/{rows[2]['media_id']}" in gone
    assert verify(open_lake(draft.store.uri)) == []


def test_a_run_that_did_something_lately_keeps_what_its_receipts_name_however_old(make_lake):
    store = grow(make_lake)
    phase = Phase(store.uri, "dedup-0123456789abcdef", "resolve")
    shard = {"path": "duplicates/data/feed.arrow", "bucket": 0, "rows": 1, "bytes": 1, "sha256": "feed"}
    old = Receipt.model_validate({"item": "old", "shards": {"duplicates": [shard]}})
    phase.record(store, old)
    store.put("duplicates/data/feed.arrow", b"x")
    for path in (phase.receipt_path("old"), "duplicates/data/feed.arrow"):
        os.utime(store.full(path), (1, 1))
    phase.record(store, Receipt(item="young"))
    assert gc(store, grace=DAY, now=NOW).files == ()
    os.utime(store.full(phase.receipt_path("young")), (1, 1))
    assert len(gc(store, grace=DAY, now=NOW).files) == 3


def test_the_feed_of_a_training_run_outlives_the_grace_period(make_lake):
    store = grow(make_lake)
    feed = "_runs/train-0123456789abcdef/feed/rank00000-00000000.arrow"
    store.put(feed, b"x")
    assert gc(store, grace=DAY, now=NOW + 20 * DAY).files == ()
    assert gc(store, grace=DAY, now=NOW + 40 * DAY).files == (feed,)


def test_a_receipt_whose_shard_is_gone_is_not_taken_up(make_lake):
    store = grow(make_lake)
    phase = Phase(store.uri, "dedup-0123456789abcdef", "resolve")
    shard = {"path": "duplicates/data/feed.arrow", "bucket": 0, "rows": 1, "bytes": 1, "sha256": "feed"}
    receipt = Receipt.model_validate({"item": "a", "shards": {"duplicates": [shard]}})
    phase.record(store, receipt)
    assert phase.finished(store) == {}
    store.put("duplicates/data/feed.arrow", b"x")
    phase.record(store, receipt)
    assert set(phase.finished(store)) == {"a"}


def test_an_old_orphan_that_a_run_makes_again_is_young_again(make_lake):
    draft = make_lake(5)
    fresh = type(draft)(draft.store)
    shards = write_table(fresh, "posts", [post(i, likes=7) for i in range(5)]).shards
    for shard in shards:
        os.utime(draft.store.full(shard.path), (1, 1))
    write_table(fresh, "posts", [post(i, likes=7) for i in range(5)])
    assert all(time.time() - draft.store.modified(shard.path) < 60 for shard in shards)
    assert gc(draft.store, grace=DAY, now=datetime.now(UTC)).files == ()


def test_a_commit_whose_shards_are_gone_is_refused(make_lake):
    draft = make_lake(5)
    fresh = type(draft)(draft.store)
    manifest = write_table(fresh, "posts", [post(i, likes=7) for i in range(5)])
    fresh.update({"posts": manifest})
    gc(draft.store, grace=timedelta(0), now=LATER)
    with pytest.raises(LakeError, match="a shard of this run is gone; run the command again"):
        fresh.publish("too late")
    assert latest_version(draft.store) == 1


def test_a_damaged_version_stops_it_before_anything_is_removed(make_lake):
    store = grow(make_lake)
    store.put("posts/data/0123456789abcdef.arrow", b"orphan")
    store.delete(Lake(store, 2).version.tables["posts"].manifest)
    before = files(store)
    with pytest.raises(LakeError, match="manifest is missing"):
        gc(store, grace=timedelta(0), now=LATER)
    assert files(store) == before


class Crash(BaseException):
    """The process ends here."""


class Dying(Store):
    """A store whose process dies before its n-th delete."""

    left = 0

    def delete(self, path: str) -> None:
        if self.left == 0:
            raise Crash
        self.left -= 1
        super().delete(path)


def test_killed_before_any_delete_it_leaves_a_whole_lake_and_is_finished_by_the_next_run(make_lake):
    store = grow(make_lake, versions=4)
    store.put("posts/data/0123456789abcdef.arrow", b"orphan")
    (needed,) = referenced([open_lake(store.uri)]).values()
    doomed = len(gc(store, grace=timedelta(0), now=LATER, keep=1, dry_run=True).files)
    assert doomed > 10
    for _ in range(doomed):
        dying = Dying(store.uri)
        dying.left = 1
        with suppress(Crash):
            gc(dying, grace=timedelta(0), now=LATER, keep=1)
        assert needed <= files(store)
        assert open_lake(store.uri).table("posts").count_rows() == 20
    assert gc(store, grace=timedelta(0), now=LATER, keep=1).files == ()
    assert verify(open_lake(store.uri)) == []


def test_a_version_without_data_is_gone_whatever_the_grace_period_of_a_later_run(make_lake):
    store = grow(make_lake)
    assert gc(store, grace=timedelta(0), now=LATER, keep=1).expired == (1, 2)
    before = files(store)
    for keep in (None, 1):
        for now in (LATER, LATER + 2 * DAY):
            done = gc(store, grace=DAY, now=now, keep=keep)
            assert (done.files, done.expired, done.waiting) == ((), (1, 2), ())
    assert files(store) == before


def test_verify_says_once_that_a_version_is_gone(make_lake):
    lost = {"table": "posts", "source_file": "f", "offset": 0, "error": "x"}
    draft = make_lake(20, quarantine=[lost])
    fresh = type(draft)(draft.store)
    fresh.update({"posts": write_table(fresh, "posts", [post(1)])})
    fresh.update({"quarantine": write_table(fresh, "quarantine", [{**lost, "error": "y"}])})
    fresh.publish("test")
    gc(draft.store, grace=timedelta(0), now=LATER, keep=1)
    (finding,) = verify(Lake(draft.store, 1))
    assert (finding.path, finding.problem) == ("versions/v000001.json", "has expired, and its data are gone")


def test_a_version_committed_while_gc_works_keeps_its_shards(make_lake):
    draft = make_lake(30)
    fresh = type(draft)(draft.store)
    manifest = write_table(fresh, "posts", [post(i, likes=7) for i in range(30)])
    fresh.update({"posts": manifest})
    aged = [shard.path for shard in manifest.shards]
    draft.store.put("posts/data/0000000000000000.arrow", b"an orphan that sorts first")
    for path in [*aged, "posts/data/0000000000000000.arrow"]:
        os.utime(draft.store.full(path), (1, 1))
    committed: list[int] = []

    def commit_now(_: int) -> None:
        if not committed:
            committed.append(fresh.publish("in between").version)

    # Everything was judged as garbage before the first of it is deleted.
    done = gc(draft.store, grace=DAY, now=datetime.now(UTC), advance=commit_now)
    assert committed == [2]
    assert done.files == ("posts/data/0000000000000000.arrow",)
    assert verify(open_lake(draft.store.uri)) == []
