"""Settings, lakes, stages, queries and words that are wrong: one clear line and exit code 2, and nothing is made."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from ray_jobs import views
from tests.ray_jobs.front import no_version, postlake, refused, write_lines

GOOD = {"post_id": "forum:1", "title": "a title", "likes": 3}


@pytest.fixture
def lake(tmp_path: Path) -> Path:
    return tmp_path / "lake"


@pytest.fixture
def good(tmp_path: Path) -> Path:
    return write_lines(tmp_path / "good.jsonl", [GOOD, {**GOOD, "post_id": "forum:2"}])


@pytest.mark.parametrize(
    ("toml", "said"),
    [
        ("[ingets]\n", "ConfigError: {}: no such setting (field ingets, expected ingest)"),
        ("[clean.ranking]\nkep = 3\n", "ConfigError: {}: no such setting (field clean.ranking.kep, expected keep)"),
        ('[ingest]\nmax_bad_files = "many"\n', "field ingest.max_bad_files"),
        ("[lake]\nbuckets = 0\n", "field lake.buckets"),
        ("ingest = 3\n", "field ingest"),
        ("[ingest\n", "is not TOML"),
    ],
)
def test_a_wrong_configuration(tmp_path: Path, lake: Path, good: Path, toml: str, said: str) -> None:
    config = tmp_path / "my.toml"
    config.write_text(toml)
    line = refused("ingest", f"jsonl:{good}", "--lake", lake, "--config", config)
    assert said.format(config) in line
    assert str(config) in line
    assert not lake.exists()


@pytest.mark.parametrize(
    ("override", "said"),
    [
        ("clean.ranking.keep=many", "a setting is wrong (field clean.ranking.keep, expected a valid integer"),
        ("clean.ranking.kep=3", "--set: no such setting (field clean.ranking.kep, expected keep)"),
        ("nonsense", "--set: not an override"),
        ("=3", "--set: not an override"),
        ("ingest.inputs.x=3", "--set: "),
        ("samples.split.train=0.7", "add up to 1"),
    ],
)
def test_a_wrong_override(lake: Path, good: Path, override: str, said: str) -> None:
    assert said in refused("ingest", f"jsonl:{good}", "--lake", lake, "--set", override)
    assert not lake.exists()


def test_a_config_that_is_not_there(tmp_path: Path, lake: Path) -> None:
    assert "cannot be read" in refused("run", "--config", tmp_path / "no.toml", "--lake", lake)
    assert "cannot be read" in refused("run", "--config", tmp_path, "--lake", lake)
    assert "shipped one: demo" in refused("run", "--config", "nosuch", "--lake", lake)
    assert not lake.exists()


@pytest.mark.parametrize(
    "words", [("ingest",), ("ingest", "jsonl:{good}"), ("dedup",), ("run", "--config", "{config}")]
)
def test_no_lake_or_no_input_was_named(tmp_path: Path, good: Path, words: tuple[str, ...]) -> None:
    config = tmp_path / "my.toml"
    config.write_text("[dedup]\n")
    line = refused(*(word.format(good=good, config=config) for word in words))
    assert "nothing to read" in line or "which lake?" in line


def test_a_lake_path_that_is_something_else(tmp_path: Path, good: Path) -> None:
    full = tmp_path / "full"
    write_lines(full / "holiday.txt", [])
    before = sorted(full.iterdir())
    assert "is no lake" in refused("ingest", f"jsonl:{good}", "--lake", full)
    assert "a file is no lake" in refused("ingest", f"jsonl:{good}", "--lake", good)
    assert str(good) in refused("ingest", f"jsonl:{good}", "--lake", good / "inside")
    assert sorted(full.iterdir()) == before
    assert not Path(f"{full}.key").exists()


@pytest.mark.parametrize("words", [("inspect",), ("query", "SELECT 1"), ("explain", "forum:1"), ("verify",)])
def test_reading_a_lake_that_is_not_there(tmp_path: Path, good: Path, words: tuple[str, ...]) -> None:
    for place in (tmp_path / "absent", tmp_path, good):
        line = refused(words[0], place, *words[1:])
        assert line == f"LakeError: {place}: no lake here (expected a folder with lake.json)"
    assert not (tmp_path / "absent").exists()


@pytest.mark.parametrize(
    ("stage", "needed"), [("media", "ingest"), ("dedup", "ingest"), ("clean", "ingest"), ("samples", "ingest")]
)
def test_a_stage_before_its_parents(lake: Path, tmp_path: Path, stage: str, needed: str) -> None:
    assert "no lake here" in refused(stage, "--lake", lake)
    assert not lake.exists()
    empty = write_lines(tmp_path / "ingested.jsonl", [GOOD])
    postlake("ingest", f"jsonl:{empty}", "--lake", lake)
    if stage in ("clean", "samples"):
        assert "expected postlake dedup to have run" in refused(stage, "--lake", lake)
    assert postlake("inspect", lake, "--json").value["version"] == 1
    assert needed == "ingest"


def test_a_stage_on_a_lake_without_a_version(lake: Path, tmp_path: Path) -> None:
    bad = tmp_path / "bad.json"
    bad.write_bytes(b"GIF89a")
    refused("ingest", f"jsonl:{bad}", "--lake", lake)
    for stage in ("dedup", "clean", "samples", "media"):
        assert "expected postlake ingest to have run" in refused(stage, "--lake", lake)
    no_version(lake)
    for command in ("inspect", "verify"):
        assert postlake(command, lake).out == f"{lake}: no version is committed yet\n"
        assert postlake(command, lake, "--json").value["version"] == 0


@pytest.mark.parametrize(
    ("sql", "said"),
    [
        ("SELEC 1", "syntax error"),
        ("SELECT nope FROM posts", "nope"),
        ("SELECT 1 FROM nosuch", "nosuch"),
        ("SELECT 1 FROM samples", "no such table in this version"),
        ('SELECT 1 FROM "posts@99"', "no such version (expected 1 to 1, got 99)"),
        ('SELECT 1 FROM "posts@x"', "not a version number"),
        ('SELECT 1 FROM "posts@0"', "no such version"),
        ("SELECT 1 FROM posts@1", 'expected a version in double quotes: "posts@3"'),
        ("SELECT 1; SELECT 2", "one statement at a time"),
        ("DROP TABLE posts", "SELECT"),
        ("SELECT * FROM 'elsewhere.csv'", "elsewhere.csv"),
        ("SELECT * FROM read_csv('/etc/hostname')", ""),
        ("", ""),
    ],
)
def test_a_query_that_cannot_run(lake: Path, good: Path, sql: str, said: str) -> None:
    postlake("ingest", f"jsonl:{good}", "--lake", lake)
    assert said in refused("query", lake, sql)


def test_ids_tables_and_versions_that_are_not_there(lake: Path, good: Path) -> None:
    postlake("ingest", f"jsonl:{good}", "--lake", lake)
    assert "no post or comment of this id" in refused("explain", lake, "forum:77")
    assert "no such table" in refused("inspect", lake, "nosuch")
    assert "no such version" in refused("inspect", lake, "posts@7")
    assert "no such version" in refused("verify", lake, "--version", "7")


def test_another_key_stops(lake: Path, good: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    postlake("ingest", f"jsonl:{good}", "--lake", lake)
    monkeypatch.setenv("POSTLAKE_KEY", "0123456789abcdef-another")
    assert "not the lake's key" in refused("ingest", f"jsonl:{good}", "--lake", lake)
    monkeypatch.setenv("POSTLAKE_KEY", "short")
    assert "the key is too short" in refused("ingest", f"jsonl:{good}", "--lake", lake)


@pytest.mark.parametrize(
    "words", [("dedup", "--lak", "x"), ("nosuch",), ("query",), ("verify", "x", "--version", "one")]
)
def test_a_wrong_word_on_the_command_line(words: tuple[str, ...]) -> None:
    line = refused(*words)
    assert line.startswith("UsageError: ")
    known = "" if words[0] == "nosuch" else f"{words[0]} "
    assert line.endswith(f"(see postlake {known}--help)")


def test_storage_that_asks_for_credentials(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_PROFILE"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("AWS_EC2_METADATA_DISABLED", "true")
    for name in ("AWS_SHARED_CREDENTIALS_FILE", "AWS_CONFIG_FILE"):
        monkeypatch.setenv(name, str(tmp_path / "none"))
    monkeypatch.setenv("AWS_ENDPOINT_URL", "http://127.0.0.1:9")
    line = refused("inspect", "s3://bucket/lake")
    assert line.startswith("UserError: s3://bucket/lake: the storage asks for credentials (expected AWS_ACCESS_KEY_ID")


def test_an_interrupted_command_says_how_to_go_on(lake: Path, good: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    postlake("ingest", f"jsonl:{good}", "--lake", lake)

    def interrupt(*_words: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(views, "verify", interrupt)
    answer = postlake("verify", lake, ok=False)
    assert (answer.code, answer.out) == (130, "")
    assert answer.err == "postlake: interrupted; the same command goes on from here\n"


def test_a_real_process_ends_with_2_and_one_line(tmp_path: Path) -> None:
    run = subprocess.run(
        [sys.executable, "-m", "ray_jobs", "ingest", f"reddit:{tmp_path}/absent", "--lake", f"{tmp_path}/lake"],
        capture_output=True,
        text=True,
        check=False,
    )
    assert (run.returncode, run.stdout) == (2, "")
    assert run.stderr.startswith("postlake: InputError: ")
    assert run.stderr.count("\n") == 1
