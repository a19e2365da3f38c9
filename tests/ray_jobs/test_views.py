"""What the reading commands show: inspect, query, explain and verify, as text and as data, on every terminal."""

from __future__ import annotations

import csv
import io
import json
import os
import pty
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pyarrow as pa
import pyarrow.ipc
import pytest

from pipelines.lake.reader import open_lake
from ray_jobs.cli import app
from ray_jobs.output import Output
from tests.ray_jobs.front import Answer, postlake, refused, rows, write_lines

ROOT = Path(__file__).parents[2]
COMMANDS = sorted(name for name in app if not name.startswith("-"))
RFC3339 = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?Z")


@pytest.fixture(scope="module")
def lake(handmade: Path) -> Path:
    return handmade


def test_inspect_json_has_the_form_of_the_design(lake: Path) -> None:
    value = postlake("inspect", lake, "--json").value
    assert list(value) == ["version", "tables", "stale"]
    assert value["stale"] == []
    assert value["version"] == 5
    assert set(value["tables"]) == {
        *("posts", "comments", "authors", "fetches", "media", "keyframes"),
        *("duplicates", "clean_comments", "samples", "quarantine"),
    }
    for table in value["tables"].values():
        assert list(table) == ["rows_in", "accepted", "rejected", "quarantined", "digest"]
        assert all(isinstance(table[name], int) for name in ("rows_in", "accepted", "quarantined"))
        assert re.fullmatch("[0-9a-f]{64}", table["digest"])
    assert value["tables"]["posts"]["rejected"] == {"superseded": 1}


def test_inspect_of_a_table_tells_schema_and_provenance(lake: Path) -> None:
    value = postlake("inspect", lake, "comments", "--json").value
    assert [column["name"] for column in value["schema"]["columns"]] == open_lake(str(lake)).table(
        "comments"
    ).schema.names
    assert {entry["name"] for entry in value["manifest"]["inputs"]} >= {"RS_2020-01", "RC_2020-01", "videos.json"}
    old = postlake("inspect", lake, "posts@1", "--json").value
    assert (old["version"], old["table"]) == (1, "posts")
    text = postlake("inspect", lake, "comments").out
    assert "The post that it stands under. (never null)" in text
    assert "input reddit" in text


def test_query_prints_every_format(lake: Path) -> None:
    sql = "SELECT post_id, likes, created_at, media FROM posts WHERE post_id IN ('reddit:a1', 'forum:1') ORDER BY 1"
    first, second = postlake("query", lake, sql, "--format", "json").value
    media = [{"kind": "image", "url": "sunset.png"}]
    assert first == {"post_id": "forum:1", "likes": 4, "created_at": None, "media": media}
    assert second["created_at"] == "2020-01-01T00:00:00Z"
    found = list(csv.DictReader(io.StringIO(postlake("query", lake, sql, "--format", "csv").out)))
    assert found[1]["created_at"] == "2020-01-01T00:00:00Z"
    assert (found[0]["likes"], found[0]["created_at"], json.loads(found[0]["media"])) == ("4", "", media)
    table = pa.ipc.open_stream(postlake("query", lake, sql, "--format", "arrow").raw).read_all()
    assert table.schema.field("created_at").type == pa.timestamp("us", "UTC")
    assert table["likes"].to_pylist() == [4, 60]
    text = postlake("query", lake, sql)
    head, *lines = text.out.splitlines()
    assert head.split() == ["post_id", "likes", "created_at", "media"]
    assert [line.split()[0] for line in lines] == ["forum:1", "reddit:a1"]
    assert text.err == "2 rows\n"


def test_query_values_that_json_has_no_word_for(lake: Path) -> None:
    sql = (
        "SELECT sum(likes) AS total, 1::DOUBLE / 0 AS much, 'NaN'::DOUBLE AS nan, 1.5::DECIMAL(9, 2) AS part, "
        "'ab'::BLOB AS raw, max(created_at) AS at, DATE '2020-02-03' AS day, map {'a': 1} AS pairs FROM posts"
    )
    (row,) = rows(lake, sql)
    (plain,) = rows(lake, "SELECT CAST(sum(likes) AS BIGINT) AS n FROM posts")
    assert row["total"] == plain["n"]
    assert isinstance(row["total"], int)
    assert (row["much"], row["nan"], row["part"], row["raw"], row["day"]) == (None, None, 1.5, "6162", "2020-02-03")
    assert row["pairs"] == [["a", 1]]
    assert RFC3339.fullmatch(row["at"])


def test_a_join_with_a_name_twice_shows_both(lake: Path) -> None:
    sql = "SELECT a.post_id, b.post_id FROM posts a JOIN posts b ON b.post_id > a.post_id ORDER BY 1, 2 LIMIT 1"
    assert rows(lake, sql) == [{"post_id": "forum:1", "post_id_1": "forum:2"}]
    assert postlake("query", lake, sql).out.split() == ["post_id", "post_id_1", "forum:1", "forum:2"]


def test_query_sees_versions_apart(lake: Path) -> None:
    (now,) = rows(lake, "SELECT count(*) AS n FROM samples")
    (then,) = rows(lake, 'SELECT count(*) AS n FROM "posts@1"')
    assert (now["n"], then["n"]) == (6, 12)
    assert "no such table in this version" in refused("query", lake, 'SELECT * FROM "samples@1"')


def events(lake: Path, row_id: str) -> list[tuple[str, str, str | None]]:
    value = postlake("explain", lake, row_id, "--json").value
    assert value["id"] == row_id
    return [(event["table"], event["outcome"], event.get("reason")) for event in value["events"]]


def test_explain_tells_every_fate(lake: Path) -> None:
    cluster = ("duplicates", "cluster", None)
    accepted = ("posts", "accepted", None)
    superseded = ("posts", "rejected", "superseded")
    assert events(lake, "reddit:a1") == [accepted, superseded, cluster, ("samples", "accepted", None)]
    assert events(lake, "reddit:a2") == [accepted, cluster]
    assert events(lake, "reddit:a5") == [accepted, cluster, ("samples", "rejected", "nsfw")]
    assert events(lake, "reddit:c8") == [("comments", "accepted", None), ("clean_comments", "accepted", None)]
    assert events(lake, "reddit:c4")[1] == ("clean_comments", "rejected", "too_short")
    copy = postlake("explain", lake, "reddit:a2", "--json").value["events"]
    assert (copy[0]["file"], copy[0]["offset"]) == ("RS_2020-01", 474)
    assert (copy[1]["canonical_id"], copy[1]["evidence"], copy[1]["witness"]) == ("reddit:a1", "url", "reddit:a1")
    gathered = postlake("explain", lake, "reddit:c8", "--json").value["events"]
    assert (gathered[0]["post_id"], gathered[1]["canonical_id"], gathered[1]["rank"]) == ("reddit:a2", "reddit:a1", 1)
    text = postlake("explain", lake, "reddit:c4").out
    assert "  clean_comments: rejected by length: too_short" in text
    assert "      file: RC_2020-01" in text


def _copy(lake: Path, tmp_path: Path) -> Path:
    return Path(shutil.copytree(lake, tmp_path / "lake"))


def test_verify_says_whole(lake: Path) -> None:
    answer = postlake("verify", lake, "--json")
    assert answer.value["ok"] is True
    assert answer.value["bytes"] > 10_000
    assert "version 1 is whole" in postlake("verify", lake, "--version", "1").out


def found_by_verify(lake: Path) -> Answer:
    answer = postlake("verify", lake, "--json", ok=False)
    assert answer.code == 3
    assert answer.value["ok"] is False
    assert len(answer.value["findings"]) >= 1
    return answer


def test_verify_finds_damage(lake: Path, tmp_path: Path) -> None:
    damaged = _copy(lake, tmp_path)
    for table, harm in (("posts", "flip"), ("media", "unlink"), ("comments", "cut")):
        shard = next((damaged / table / "data").glob("*.arrow"))
        data = bytearray(shard.read_bytes())
        data[len(data) // 2] ^= 1
        if harm == "unlink":
            shard.unlink()
        else:
            shard.write_bytes(data if harm == "flip" else data[:-10])
    (picture,) = (damaged / "media" / "objects").iterdir()
    picture.write_bytes(b"another picture")
    findings = {
        finding["path"].split("/")[0]: finding["problem"] for finding in found_by_verify(damaged).value["findings"]
    }
    assert "sha256 is" in findings["posts"]
    assert findings["media"] == "missing"
    assert "expected" in findings["comments"]


def test_verify_finds_a_manifest_that_is_gone_or_changed(lake: Path, tmp_path: Path) -> None:
    damaged = _copy(lake, tmp_path)
    for manifest in (damaged / "media" / "manifests").iterdir():
        manifest.unlink()
    for manifest in (damaged / "posts" / "manifests").iterdir():
        manifest.write_text(manifest.read_text().replace('"accepted":12', '"accepted":13'))
    problems = " ".join(finding["problem"] for finding in found_by_verify(damaged).value["findings"])
    assert "manifest is missing" in problems
    assert "posts" in problems


def test_tables_are_not_wrapped_where_there_is_no_terminal(lake: Path) -> None:
    lines = postlake("inspect", lake).out.splitlines()
    by_name = {line.split()[0]: line.split()[1:] for line in lines[1:] if line}
    assert by_name["clean_comments"][:4] == ["21", "11", "10", "0"]
    reasons = ["beyond_top_k", "bot", "emoji_only", "links_only", "not_language", "removed", "too_short"]
    start = next(i for i, line in enumerate(lines) if line.startswith("clean_comments"))
    assert [line.split()[0] for line in lines[start + 1 : start + 8]] == reasons
    assert all(line.startswith("  ") for line in lines[start + 1 : start + 8])
    assert by_name["copies"] == [str(_copies(lake))]
    assert lines[-6].split() == ["version", "committed", "at", "command"]
    assert [line.split()[0] for line in lines[-5:]] == ["5", "4", "3", "2", "1"]
    assert lines[-5].endswith("Z  postlake samples")


def _copies(lake: Path) -> int:
    (found,) = rows(lake, "SELECT count(*) AS n FROM duplicates WHERE post_id <> canonical_id")
    assert found["n"] > 0
    return int(found["n"])


def test_inspect_says_which_tables_are_out_of_date(lake: Path, tmp_path: Path) -> None:
    shutil.copy(f"{lake}.key", tmp_path / "lake.key")
    lake = _copy(lake, tmp_path)
    postlake("clean", "--lake", lake, "--set", "clean.ranking.keep=1")
    assert postlake("inspect", lake, "--json").value["stale"] == ["samples"]
    said = "made from an earlier clean_comments; run postlake samples"
    assert f"samples: {said}" in postlake("inspect", lake).out
    assert said in postlake("inspect", lake, "samples").out
    assert postlake("inspect", lake, "samples", "--json").value["stale"] == ["clean_comments"]
    assert "made from an earlier" not in postlake("inspect", f"{lake}@5").out
    postlake("samples", "--lake", lake)
    assert postlake("inspect", lake, "--json").value["stale"] == []


def test_reading_commands_take_a_version(lake: Path) -> None:
    assert postlake("inspect", f"{lake}@1", "--json").value["version"] == 1
    assert rows(Path(f"{lake}@1"), "SELECT count(*) AS n FROM posts") == [{"n": 12}]
    assert postlake("explain", f"{lake}@1", "reddit:a1", "--json").value["version"] == 1
    assert postlake("verify", f"{lake}@1", "--json").value["version"] == 1
    assert "no such version" in refused("inspect", f"{lake}@77")


def test_query_sees_rejected_rows(lake: Path) -> None:
    sql = "SELECT reject_reason, count(*) AS n FROM clean_comments_rejected GROUP BY 1 ORDER BY 1"
    found = {row["reject_reason"]: row["n"] for row in rows(lake, sql)}
    assert found == postlake("inspect", lake, "--json").value["tables"]["clean_comments"]["rejected"]
    one = "SELECT reject_reason FROM posts_rejected WHERE post_id = 'reddit:a1'"
    assert rows(lake, one) == rows(lake, one.replace("posts_rejected", '"posts_rejected@1"'))
    assert rows(lake, one) == [{"reject_reason": "superseded"}]
    assert "each also as TABLE_rejected" in refused("query", lake, "SELECT * FROM nosuch")


def on_terminal(columns: int, *words: str) -> str:
    """What a command shows on a terminal of so many columns, without colours."""
    head, tail = pty.openpty()
    env = {**os.environ, "COLUMNS": str(columns), "TERM": "dumb"}
    command = [sys.executable, "-m", "ray_jobs", *words]
    with subprocess.Popen(command, stdout=tail, stderr=subprocess.DEVNULL, cwd=ROOT, env=env) as process:
        os.close(tail)
        data = bytearray()
        while True:
            try:
                piece = os.read(head, 65536)
            except OSError:  # Linux ends a terminal so when its other side is closed.
                break
            if not piece:
                break
            data += piece
    os.close(head)
    assert process.returncode == 0
    return data.decode().replace("\r\n", "\n")


def test_tables_fit_a_terminal_of_80_columns(lake: Path) -> None:
    lines = on_terminal(80, "inspect", str(lake)).splitlines()
    assert lines[1:] == postlake("inspect", lake).out.splitlines()[1:]
    schema = on_terminal(80, "inspect", str(lake), "comments").splitlines()
    assert max(map(len, schema)) <= 80
    text = " ".join(" ".join(schema).split())
    for word in ("source_offset", "timestamp[us,", "moderator", "description", "decompressed"):
        assert word in text or word not in postlake("inspect", lake, "comments").out


def test_text_is_shown_as_it_is(tmp_path: Path) -> None:
    odd = "[bold]not markup[/bold] \x1b[31m :smile:"
    path = write_lines(tmp_path / "posts.jsonl", [{"post_id": "forum:1", "title": odd}])
    postlake("ingest", f"jsonl:{path}", "--lake", tmp_path / "lake")
    shown = postlake("query", tmp_path / "lake", "SELECT title FROM posts").out
    assert "[bold]not markup[/bold]" in shown
    assert ":smile:" in shown
    assert "\x1b" not in shown, "a title must not steer the terminal"


def test_numbers_are_told_from_words(capsys: pytest.CaptureFixture[str]) -> None:
    Output().table("", ["name", "n"], [["a", 1234567], ["b", None], ["c", 2.5]])
    assert [line.split() for line in capsys.readouterr().out.splitlines()] == [
        ["name", "n"],
        ["a", "1,234,567"],
        ["b"],
        ["c", "2.5"],
    ]
