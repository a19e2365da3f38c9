from __future__ import annotations

import os
import stat
import threading
from pathlib import Path

import pytest

from pipelines import open_lake
from pipelines.lake.commit import create_or_open
from pipelines.lake.reader import HINT
from schemas.errors import LakeConflict, LakeError, LedgerError
from schemas.manifest import Ledger
from tests.pipelines.lake.conftest import post, write_table


def test_a_version_shows_its_rows_and_a_later_one_does_not_change_it(make_lake):
    draft = make_lake(50)
    reader = open_lake(draft.store.uri)
    draft.update({"posts": write_table(draft, "posts", [post(i, likes=1) for i in range(60)])})
    draft.publish("second")
    assert reader.table("posts").count_rows() == 50
    assert open_lake(draft.store.uri).table("posts").count_rows() == 60
    assert open_lake(draft.store.uri).table("posts@1").count_rows() == 50


def test_nothing_pending_makes_no_version(make_lake):
    draft = make_lake(5)
    draft.update({"posts": write_table(draft, "posts", [post(i) for i in range(5)])})
    assert draft.publish("again").version == 1


def test_the_loser_of_a_race_is_told(make_lake):
    one = make_lake(5)
    other = create_or_open(one.store.uri)
    for draft, number in ((one, 6), (other, 7)):
        draft.update({"posts": write_table(draft, "posts", [post(i) for i in range(number)])})
    assert one.publish("one").version == 2
    with pytest.raises(LakeConflict, match="version 2"):
        other.publish("other")
    assert open_lake(one.store.uri).table("posts").count_rows() == 6


def test_of_many_writers_exactly_one_commits(make_lake):
    draft = make_lake(5)
    drafts = [create_or_open(draft.store.uri) for _ in range(8)]
    for number, mine in enumerate(drafts):
        mine.update({"posts": write_table(mine, "posts", [post(i) for i in range(10 + number)])})
    won: list[int] = []

    def publish(number: int) -> None:
        try:
            drafts[number].publish("race")
            won.append(number)
        except LakeConflict:
            pass

    threads = [threading.Thread(target=publish, args=(n,)) for n in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(won) == 1
    assert open_lake(draft.store.uri).table("posts").count_rows() == 10 + won[0]


def test_a_ledger_that_does_not_close_is_not_taken_up(make_lake):
    draft = make_lake(5)
    manifest = write_table(draft, "posts", [post(i) for i in range(4)])
    short = manifest.model_copy(update={"ledger": Ledger(rows_in=5, accepted=4)})
    with pytest.raises(LedgerError, match="expected 5 rows in, got 4 rows out"):
        draft.update({"posts": short})


def test_a_lost_or_wrong_hint_is_no_harm(make_lake):
    draft = make_lake(5)
    for content in (b"", b"99\n", b"0\n", b"-5\n", b"nonsense"):
        draft.store.put(HINT, content)
        assert open_lake(draft.store.uri).version.version == 1
    draft.store.delete(HINT)
    assert open_lake(draft.store.uri).version.version == 1


def test_a_folder_with_other_things_does_not_become_a_lake(tmp_path: Path):
    (tmp_path / "thesis.txt").write_text("years of work")
    with pytest.raises(LakeError, match="not empty"):
        create_or_open(str(tmp_path))
    assert [p.name for p in tmp_path.iterdir()] == ["thesis.txt"]


def test_the_key_lies_beside_the_lake_and_another_key_is_refused(make_lake, monkeypatch):
    draft = make_lake(5)
    key = Path(draft.store.uri + ".key")
    assert stat.S_IMODE(os.stat(key).st_mode) == 0o600
    secret = key.read_bytes().strip()
    for path in Path(draft.store.uri).rglob("*"):
        assert not path.is_file() or secret not in path.read_bytes()
    monkeypatch.setenv("POSTLAKE_KEY", "another key of enough bytes")
    with pytest.raises(LakeError, match="not the lake's key"):
        create_or_open(draft.store.uri)


def test_the_number_of_buckets_is_fixed(make_lake):
    draft = make_lake(5)
    with pytest.raises(LakeError, match="expected 4, got 8"):
        create_or_open(draft.store.uri, buckets=8)


def test_a_missing_lake_and_a_missing_version_are_clear_errors(make_lake, tmp_path):
    with pytest.raises(LakeError, match="no lake here"):
        open_lake(str(tmp_path / "nowhere"))
    with pytest.raises(LakeError, match="expected 1 to 1, got 7"):
        open_lake(make_lake(5).store.uri, version=7)
