from __future__ import annotations

import json
import os
import re
import shutil
import signal
import subprocess
import sys
from pathlib import Path

import pyarrow.ipc
import pytest

from pipelines import open_lake
from pipelines.lake.verify import verify
from pipelines.storage import Store
from schemas.manifest import canonical_json
from tests.faults.deaths import kind_of
from tests.ray_jobs.front import ledgers, postlake, refused, rows, write_lines
from tests.ray_jobs.handmade import COMMENTS, POSTS, SUBMISSIONS, picture, reply, submission

A1 = "Comment number 0 about the boats in the harbour"


@pytest.fixture
def lake(handmade: Path, tmp_path: Path) -> Path:
    """A copy of the handmade lake: these tests change it."""
    shutil.copytree(handmade, tmp_path / "lake")
    shutil.copy(f"{handmade}.key", tmp_path / "lake.key")
    return tmp_path / "lake"


def named(path: Path, *lines: str) -> Path:
    path.write_text("".join(f"{line}\n" for line in lines))
    return path


def forget(lake: Path, *, ids: tuple[str, ...] = (), authors: tuple[str, ...] = (), grace: float = 0):
    words: list[str | Path] = []
    if ids:
        words += ["--ids", named(lake.parent / "ids", *ids)]
    if authors:
        words += ["--authors", named(lake.parent / "authors", *authors)]
    return postlake("forget", lake, *words, "--engine", "inline", "--grace", str(grace), "--json").value


def everything(lake: Path) -> str:
    """All that the lake's files say, Arrow files decoded."""
    said = []
    for path in sorted(lake.rglob("*")):
        if path.suffix == ".arrow":
            with pyarrow.ipc.open_file(path) as reader:
                said.append(str(reader.read_all().to_pylist()))
        elif path.is_file() and path.parent.name != "objects":
            said.append(path.read_text())
    return "\n".join(said)


def digests(lake: Path) -> dict[str, str]:
    return {name: table["digest"] for name, table in ledgers(lake).items()}


def test_a_post_goes_with_its_comments_and_a_copy_stands_for_the_cluster(lake):
    before = ledgers(lake)
    answer = forget(lake, ids=("reddit:a1",))
    gone = [c for c in COMMENTS if c["link_id"] == "t3_a1"]
    assert answer["tombstones"] == {"posts": 1, "comments": len(gone) + 1, "authors": 0}
    after = ledgers(lake)
    assert after["posts"]["rejected"]["forgotten"] == 2
    assert after["posts"]["rows_in"] == before["posts"]["rows_in"]
    assert after["comments"]["rejected"]["forgotten"] == len(gone)
    assert after["comments"]["rows_in"] == before["comments"]["rows_in"]
    assert after["authors"]["accepted"] == before["authors"]["accepted"] - 1 - len(gone)
    clusters = rows(lake, "select post_id, canonical_id from duplicates where post_id in ('reddit:a1', 'reddit:a2')")
    assert clusters == [{"post_id": "reddit:a2", "canonical_id": "reddit:a2"}]
    kept = rows(lake, "select comment_id from clean_comments where canonical_id = 'reddit:a2'")
    assert kept == [{"comment_id": "reddit:c8"}]
    said = everything(lake)
    assert "reddit:a1'" not in said
    assert 'reddit:a1"' not in said
    assert A1 not in said
    assert verify(open_lake(str(lake))) == []


def test_an_author_goes_with_all_that_they_wrote_and_nobody_else_does(lake):
    wrote = rows(lake, "select count(*) n from posts")[0]["n"]
    forget(lake, authors=("reddit:PlantedAnna",))
    ids = {row["post_id"] for row in rows(lake, "select post_id from posts where platform = 'reddit'")}
    assert ids == {f"reddit:{s['id']}" for s in SUBMISSIONS if s["author"] != "PlantedAnna"}
    assert rows(lake, "select count(*) n from posts")[0]["n"] == wrote - 2
    assert rows(lake, "select comment_id from comments where comment_id = 'reddit:d1'") == []
    # What others wrote under Anna's post goes with the post.
    assert rows(lake, "select comment_id from comments where post_id = 'reddit:a1'") == []
    assert rows(lake, "select comment_id from comments where post_id = 'reddit:zz'") == [{"comment_id": "reddit:lone"}]


def test_a_comment_goes_alone_and_the_answers_to_it_stay_without_their_parent(lake, tmp_path):
    more = write_lines(tmp_path / "RC_2020-02", [{**reply("e1", "a3", "PlantedEmil", "I agree"), "parent_id": "t1_d1"}])
    postlake("ingest", f"reddit:{more}", "--lake", lake)
    sql = "select parent_id from comments where comment_id = 'reddit:e1'"
    assert rows(lake, sql) == [{"parent_id": "reddit:d1"}]
    forget(lake, ids=("reddit:d1",))
    assert rows(lake, sql) == [{"parent_id": None}]
    assert ledgers(lake)["comments"]["rejected"] == {"forgotten": 1}
    assert ledgers(lake)["posts"]["rejected"] == {"superseded": 1}


def test_media_go_only_with_the_last_post_that_shows_them(lake):
    objects = {path.name for path in lake.glob("media/objects/*")}
    assert len(objects) == 1
    forget(lake, ids=("forum:1",))
    assert {path.name for path in lake.glob("media/objects/*")} == objects
    assert [row["url"] for row in rows(lake, "select url from fetches order by url")] == [
        "copy.png",
        "https://www.youtube.com/watch?v=vid00000001",
        "no.png",
    ]
    forget(lake, ids=("forum:2",))
    assert list(lake.glob("media/objects/*")) == []
    assert [ledgers(lake)[name]["accepted"] for name in ("fetches", "media", "keyframes")] == [2, 0, 0]


def test_later_dumps_do_not_bring_it_back_and_are_counted(lake, tmp_path):
    forget(lake, ids=("reddit:a1",), authors=("reddit:PlantedHugo",))
    again = [
        submission("a1", "[deleted]", title="Harbour", score=99, retrieved_on=1_600_000_000),
        submission("b1", "PlantedHugo", title="Something new"),
        submission("b2", "PlantedIda", title="Of another"),
    ]
    write_lines(tmp_path / "new" / "RS_2021-01", again)
    more = [
        reply("c1", "a1", "[deleted]", "Text of a comment that was forgotten"),
        reply("c99", "a1", "PlantedZoe", "A new comment under a forgotten post"),
        reply("c8", "a2", "[deleted]", "Text of a comment whose author was forgotten"),
        {**reply("c98", "b2", "PlantedZoe", "An answer to someone who is gone"), "parent_id": "t1_c8"},
        reply("c97", "b2", "PlantedHugo", "A new comment by who is gone"),
    ]
    write_lines(tmp_path / "new" / "RC_2021-01", more)
    before = ledgers(lake)
    postlake("ingest", f"reddit:{tmp_path}/new", "--lake", lake)
    after = ledgers(lake)
    assert after["posts"]["rejected"]["forgotten"] == before["posts"]["rejected"]["forgotten"] + 2
    assert after["comments"]["rejected"]["forgotten"] == before["comments"]["rejected"]["forgotten"] + 4
    assert after["posts"]["accepted"] == before["posts"]["accepted"] + 1
    assert rows(lake, "select comment_id, parent_id from comments where post_id = 'reddit:b2'") == [
        {"comment_id": "reddit:c98", "parent_id": None}
    ]
    said = everything(lake)
    for text in ("Something new", "by who is gone", "comment that was forgotten", "under a forgotten post"):
        assert text not in said
    assert postlake("forget", lake, "--prove", "--json").value["live"]["holders"] == []


def test_forgetting_before_or_after_a_dump_arrives_gives_the_same_bytes(lake, tmp_path):
    other = tmp_path / "other"
    shutil.copytree(lake, other)
    shutil.copy(f"{lake}.key", f"{other}.key")
    dump = write_lines(
        tmp_path / "RC_2020-03",
        [reply("n1", "a1", "PlantedZoe", "New under a1"), reply("n2", "a3", "PlantedZoe", "New under a3")],
    )
    for place, steps in ((lake, "forget ingest"), (other, "ingest forget")):
        for step in steps.split():
            if step == "forget":
                forget(place, ids=("reddit:a1", "reddit:c8", "forum:1"))
            else:
                postlake("ingest", f"reddit:{dump}", "--lake", place)
        for stage in ("media", "dedup", "clean", "samples"):
            root = ("--root", lake.parent) if stage == "media" else ()
            required = ("--set", "samples.pictures.required=false") if stage == "samples" else ()
            postlake(stage, "--lake", place, *root, *required)
    assert digests(lake) == digests(other)


def test_the_later_stages_are_up_to_date_after_it(lake):
    forget(lake, ids=("reddit:a1",))
    version = open_lake(str(lake)).version.version
    for stage, words in (("dedup", ()), ("clean", ()), ("samples", ("--set", "samples.pictures.required=false"))):
        assert "up to date" in postlake(stage, "--lake", lake, *words).err
    assert open_lake(str(lake)).version.version == version


def test_a_second_time_there_is_nothing_to_do(lake):
    first = forget(lake, ids=("reddit:a1",))
    second = forget(lake, ids=("reddit:a1",))
    assert second["version"] == first["version"]
    assert second["tombstones"] == first["tombstones"]


def test_what_was_never_there_is_kept_out_all_the_same(lake, tmp_path):
    forget(lake, ids=("reddit:future",))
    dump = write_lines(tmp_path / "RS_2022-01", [submission("future", "PlantedZoe")])
    postlake("ingest", f"reddit:{dump}", "--lake", lake)
    assert ledgers(lake)["posts"]["rejected"]["forgotten"] == 1


def test_what_is_found_nowhere_is_listed_and_what_went_is_counted(lake, tmp_path):
    lists = ["--ids", named(tmp_path / "ids", "reddit:c8", "reddit:future", "reddit:a1")]
    lists += ["--authors", named(tmp_path / "authors", "reddit:PlantedHugo", "reddit:PlantedNobody")]
    before = {path: path.read_bytes() for path in lake.rglob("*") if path.is_file()}
    told = postlake("forget", lake, *lists, "--dry-run", "--json").value
    shown = postlake("forget", lake, *lists, "--dry-run").out
    assert {path: path.read_bytes() for path in lake.rglob("*") if path.is_file()} == before
    assert told["nowhere"] == ["reddit:PlantedNobody", "reddit:future"]
    assert told["version"] == 5
    assert "  posts: 2 rows would go\n" in shown
    assert "nothing was changed; duplicates, clean_comments, samples would be made anew from what stays" in shown
    done = postlake("forget", lake, *lists, "--engine", "inline", "--json").value
    assert done["nowhere"] == told["nowhere"]
    derived = ("duplicates", "clean_comments", "samples")
    assert {table: rows for table, rows in done["rows"].items() if table not in derived} == told["rows"]
    assert told["rows"]["posts"] == ledgers(lake)["posts"]["rejected"]["forgotten"]
    assert told["rows"]["comments"] == ledgers(lake)["comments"]["rejected"]["forgotten"]


def test_what_it_says_is_said_in_sentences(lake, tmp_path):
    lists = ["--ids", named(tmp_path / "ids", "reddit:d1", "reddit:future")]
    said = postlake("forget", lake, *lists, "--engine", "inline").out
    assert "  comments: 1 row fewer\n" in said
    assert (
        "1 found nowhere in this lake; tombstones keep them out of later dumps all the same:\n  reddit:future\n" in said
    )
    assert re.search(
        r"^waiting for gc at the time of the search: \d+ files, .*; \d+ files with something forgotten$", said, re.M
    )
    assert not re.search(r"\b1 (rows|files|posts|bytes|media objects)\b", said)


def test_versions_whose_data_are_gone_do_not_stop_it(lake):
    postlake("clean", "--lake", lake, "--set", "clean.ranking.keep=2")
    postlake("gc", lake, "--keep", "1", "--grace", "0")
    for words in ((), ("--keep", "1")):
        done = postlake("gc", lake, *words, "--json").value
        assert (done["files"], 5 in done["expired"]) == (0, True)
    assert postlake("verify", lake, "--version", "5", ok=False).out.splitlines() == [
        "versions/v000005.json: has expired, and its data are gone"
    ]
    answer = forget(lake, ids=("reddit:a1",), grace=24)
    assert (answer["version"], answer["expired"], answer["versions_in_force"]) == (7, [6], [7])
    assert answer["live"]["holders"] == []
    assert verify(open_lake(str(lake))) == []


def test_the_kill_matrix_knows_all_that_it_writes(lake):
    forget(lake, ids=("reddit:a1",), grace=24)
    store = Store(str(lake))
    assert {"tombstones", "expiry"} <= {kind_of(store, path) for path, _ in store.walk()}


def test_an_open_reader_has_the_grace_period_and_the_proof_says_what_waits(lake):
    reader = open_lake(str(lake), version=1)
    answer = forget(lake, ids=("reddit:a1",), grace=24)
    assert answer["expired"] == [1, 2, 3, 4, 5]
    assert answer["live"]["holders"] == []
    assert len(answer["waiting"]["holders"]) > 5
    assert answer["live"]["rows"] > 50
    assert "reddit:a1" in reader.table("posts").to_table()["post_id"].to_pylist()
    postlake("gc", lake, "--grace", "0")
    late = postlake("forget", lake, "--prove", "--json").value
    assert (late["live"]["holders"], late["waiting"]["holders"]) == ([], [])
    assert "has expired" in refused("query", lake, 'select * from "posts@5"')


def test_versions_from_before_it_arrived_stay(lake, tmp_path):
    dump = write_lines(tmp_path / "RS_2022-01", [submission("late", "PlantedZoe")])
    postlake("ingest", f"reddit:{dump}", "--lake", lake)
    answer = forget(lake, ids=("reddit:late",))
    assert answer["expired"] == [6]
    assert answer["versions_in_force"] == [1, 2, 3, 4, 5, 7]
    assert postlake("verify", lake, "--version", "5").code == 0


def test_the_search_finds_what_a_careless_hand_has_put_back(lake):
    kept = {path.name: path.read_bytes() for path in lake.glob("posts/data/*")}
    forget(lake, ids=("reddit:a1",))
    lost = set(kept) - {path.name for path in lake.glob("posts/data/*")}
    assert len(lost) == 1
    run = lake / "_runs" / "dedup-0123456789abcdef" / "parts" / "x.arrow"
    run.parent.mkdir(parents=True)
    run.write_bytes(kept[lost.pop()])
    answer = postlake("forget", lake, "--prove", "--json", ok=False)
    assert answer.code == 3
    assert answer.value["live"]["holders"] == ["_runs/dedup-0123456789abcdef/parts/x.arrow"]


def test_the_exchange_files_of_an_interrupted_run_go(lake):
    store = Store(str(lake))
    store.put("_runs/clean-0123456789abcdef/reroute/b00000.json", b"{}")
    Store(f"{lake}.scratch").put("ingest-1/0001.zst", b"raw")
    forget(lake, ids=("reddit:a1",))
    assert [path for path, _ in store.walk("_runs") if not path.startswith(("_runs/inputs", "_runs/train"))] == []
    assert list(Store(f"{lake}.scratch").walk()) == []


def test_of_training_runs_whose_version_is_gone_nothing_can_be_said(lake):
    store = Store(str(lake))
    record = {"lake_version": "5", "plan": "train-5", "out": "model-5", "samples": "0"}
    store.put("_runs/train/train-5.json", canonical_json(record))
    assert {row["post_id"] for row in rows(lake, "select post_id from samples")} >= {"reddit:a1"}
    before = forget(lake, ids=("reddit:lone",))
    assert before["trainings"] == []
    after = forget(lake, ids=("reddit:k0",), grace=0)
    assert [(t["out"], t["saw"]) for t in after["trainings"]] == [
        ("model-5", None),
    ]


def test_a_training_on_samples_with_a_forgotten_comment_saw_it(lake):
    record = {"lake_version": "5", "plan": "train-5", "out": "model-5", "samples": "0"}
    Store(str(lake)).put("_runs/train/train-5.json", canonical_json(record))
    kept = rows(lake, "select comment_id from clean_comments where comment_id = 'reddit:k0'")
    assert kept == [{"comment_id": "reddit:k0"}]
    answer = forget(lake, ids=("reddit:k0",))
    assert [(t["out"], t["saw"]) for t in answer["trainings"]] == [("model-5", 1)]
    assert A1 not in everything(lake)


def test_raw_pieces_in_quarantine_that_name_it_are_withheld(tmp_path):
    lines = [
        json.dumps(submission("a1", "PlantedAnna")),
        '{"id": "a1", "author": "PlantedAnna", "score": [',
        '{"id": "zz9"',
    ]
    dump = tmp_path / "raw" / "RS_2020-01"
    dump.parent.mkdir()
    dump.write_text("\n".join(lines) + "\n")
    lake = tmp_path / "lake"
    postlake("ingest", f"reddit:{dump}", "--lake", lake, "--keep-raw")
    assert len(rows(lake, "select raw from quarantine where raw is not null")) == 2
    forget(lake, authors=("reddit:PlantedAnna",))
    assert len(rows(lake, "select raw from quarantine where raw is not null")) == 1
    assert ledgers(lake)["quarantine"]["accepted"] == 2
    assert "PlantedAnna" not in everything(lake)


def test_bad_lists_are_refused_with_their_line(lake, tmp_path):
    assert "nothing to forget" in refused("forget", lake)
    assert "ids:2: not an id (expected <platform>:<id>, got a1)" in refused(
        "forget", lake, "--ids", named(tmp_path / "ids", "reddit:a1", "a1")
    )
    assert "no lake here" in refused("forget", tmp_path / "nowhere", "--ids", named(tmp_path / "ids", "reddit:a1"))
    assert not (tmp_path / "nowhere").exists()


@pytest.mark.long
@pytest.mark.usefixtures("local_ray")
def test_it_runs_on_ray_too(lake):
    other = lake.parent / "other"
    shutil.copytree(lake, other)
    shutil.copy(f"{lake}.key", f"{other}.key")
    forget(lake, ids=("reddit:a1",))
    postlake("forget", other, "--ids", named(lake.parent / "ids", "reddit:a1"), "--engine", "ray", "--grace", "0")
    assert digests(lake) == digests(other)


KILLED = """
import os, signal, sys
from pipelines.storage import Store
at, real = int(sys.argv[1]), {name: getattr(Store, name) for name in ("put", "create", "delete")}
done = 0
def watch(name):
    def call(store, *given):
        global done
        done += 1
        if done == at:
            os.kill(os.getpid(), signal.SIGKILL)
        return real[name](store, *given)
    return call
for name in real:
    setattr(Store, name, watch(name))
from ray_jobs.cli import main
sys.argv = ["postlake", *sys.argv[2:]]
try:
    main()
finally:
    print(done, file=sys.stderr)
"""


@pytest.mark.parametrize("at", [9, 45, 90, *(pytest.param(at, marks=pytest.mark.long) for at in range(1, 90, 6))])
def test_killed_at_any_write_it_is_finished_by_the_same_command(lake, handmade, tmp_path, at):
    command = ["forget", str(lake), "--ids", str(named(tmp_path / "ids", "reddit:a1")), "--engine", "inline"]
    died = subprocess.run(
        [sys.executable, "-c", KILLED, str(at), *command, "--grace", "0"],
        cwd=Path(__file__).parents[2],
        env={**os.environ},
        capture_output=True,
        check=False,
    )
    assert died.returncode == -signal.SIGKILL, died.stderr
    assert verify(open_lake(str(lake))) == []
    forget(lake, ids=("reddit:a1",))
    assert digests(lake) == _undisturbed(handmade, tmp_path)
    assert postlake("forget", lake, "--prove", "--json").value["waiting"]["holders"] == []
    assert A1 not in everything(lake)


def _undisturbed(handmade: Path, folder: Path) -> dict[str, str]:
    (folder / "calm").mkdir()
    shutil.copytree(handmade, folder / "calm" / "lake")
    shutil.copy(f"{handmade}.key", folder / "calm" / "lake.key")
    forget(folder / "calm" / "lake", ids=("reddit:a1",))
    return digests(folder / "calm" / "lake")


def test_the_planted_rows_are_what_these_tests_take_them_for():
    assert {c["id"] for c in COMMENTS if c["body"] == A1} == {"k0"}
    assert picture("1", "Sunset", 4, "PlantedLena", "sunset.png") in POSTS
