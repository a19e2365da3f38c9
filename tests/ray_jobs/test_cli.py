"""The command line as a user meets it: help, what goes where, forms of output, exit codes, what is loaded."""

from __future__ import annotations

import importlib.metadata
import json
import re
import shutil
import subprocess
import sys
import textwrap
from pathlib import Path

import pytest
from cyclopts import App

from ray_jobs.cli import app
from tests.ray_jobs.front import ledgers, no_version, postlake, refused
from tests.ray_jobs.handmade import write_dumps

ROOT = Path(__file__).parents[2]
COMMANDS = sorted(name for name in app if not name.startswith("-"))
RFC3339 = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?Z")


@pytest.fixture(scope="module")
def lake(handmade: Path) -> Path:
    return handmade


def test_the_commands_are_those_of_the_design() -> None:
    assert {"run", "synth", "ingest", "media", "dedup", "clean", "samples", "train", "evaluate"} <= set(COMMANDS)
    assert {"inspect", "query", "explain", "verify"} <= set(COMMANDS)


@pytest.mark.parametrize("name", COMMANDS)
def test_every_command_and_every_parameter_has_help(name: str) -> None:
    command = app[name]
    assert isinstance(command, App)
    summary = (command.help or "").partition("\n")[0]
    assert len(summary.split()) >= 5
    assert summary.endswith(".")
    for argument in command.assemble_argument_collection(parse_docstring=True):
        assert (argument.parameter.help or "").strip(), f"{name} {argument.name} has no help"
    shown = postlake(name, "--help")
    assert not shown.err
    assert "Usage: postlake " + name in shown.out


def test_results_go_to_stdout_and_the_rest_to_stderr(tmp_path: Path) -> None:
    inputs = write_dumps(tmp_path / "raw")
    made = postlake("ingest", *inputs, "--lake", tmp_path / "lake", "--json")
    assert made.value["tables"]["posts"]["accepted"] == 12
    assert made.out.count("\n") == 1
    assert "ingest: done in" in made.err
    again = postlake("ingest", *inputs, "--lake", tmp_path / "lake", "--json")
    assert again.value == made.value
    assert "nothing to do: version 1 has it all" in again.err
    assert "up to date" in again.err
    text = postlake("ingest", *inputs, "--lake", tmp_path / "lake")
    assert text.out == postlake("inspect", tmp_path / "lake").out


@pytest.mark.parametrize("stage", ["media", "dedup", "clean", "samples"])
def test_a_second_run_of_a_stage_has_nothing_to_do(lake: Path, tmp_path: Path, stage: str) -> None:
    shutil.copytree(lake, tmp_path / "lake")
    shutil.copy(f"{lake}.key", tmp_path / "lake.key")
    words: list[str] = []
    if stage == "media":
        words = ["--root", str(lake.parent / "raw" / "forum")]
    elif stage == "samples":
        words = ["--set", "samples.pictures.required=false"]
    assert "nothing to do: version 5 has it all" in postlake(stage, "--lake", tmp_path / "lake", *words).err
    restarted = postlake(stage, "--lake", tmp_path / "lake", *words, "--restart")
    assert "nothing to do: version 5 has it all" in restarted.err
    assert ledgers(tmp_path / "lake") == ledgers(lake)


def test_run_plan_prints_and_does_nothing(tmp_path: Path) -> None:
    inputs = write_dumps(tmp_path / "raw")
    config = tmp_path / "my.toml"
    config.write_text(f"[ingest]\ninputs = {json.dumps(inputs)}\n[dedup]\n[clean]\n")
    lake = tmp_path / "lake"
    value = postlake("run", "--config", config, "--lake", lake, "--plan", "--json").value
    assert not lake.exists()
    sizes = {path.name: path.stat().st_size for path in (tmp_path / "raw").rglob("*") if path.is_file()}
    assert len(value["inputs"]) == 5
    assert all(entry["bytes"] == sizes[entry["name"]] and entry["state"] == "to read" for entry in value["inputs"])
    assert value["stages"] == {"ingest": "to make", "dedup": "to make", "clean": "to make"}
    postlake("run", "--config", config, "--lake", lake)
    files = sorted(lake.rglob("*"))
    done = postlake("run", "--config", config, "--lake", lake, "--plan", "--json").value
    assert {entry["state"] for entry in done["inputs"]} == {"read"}
    assert set(done["stages"].values()) == {"there"}
    other = ("--set", "clean.ranking.keep=2")
    planned = postlake("run", "--config", config, "--lake", lake, "--plan", "--json", *other).value["stages"]
    assert planned == {"ingest": "there", "dedup": "there", "clean": "to make again"}
    text = postlake("run", "--config", config, "--lake", lake, "--plan").out
    assert "0 of 5 files to read, 0 bytes" in text
    assert sorted(lake.rglob("*")) == files
    assert "nothing to do, version 1 has it all" in postlake("run", "--config", config, "--lake", lake).err
    assert sorted(path for path in lake.glob("versions/v*")) == [lake / "versions" / "v000001.json"]


def test_run_plan_sees_changed_parents_and_finished_work(tmp_path: Path) -> None:
    inputs = write_dumps(tmp_path / "raw")
    config, lake = tmp_path / "my.toml", tmp_path / "lake"

    def planned(stages: str, *words: str) -> dict[str, str]:
        config.write_text(f"[lake]\nbuckets = 2\n[ingest]\ninputs = {json.dumps(inputs)}\n{stages}")
        value = postlake("run", "--config", config, "--lake", lake, "--plan", "--json", *words).value
        return {str(name): str(state) for name, state in value["stages"].items()}

    everything, fewer = "[dedup]\n[clean]\n[samples]\n", ("--set", "clean.ranking.keep=1")
    assert set(planned("[clean]\n").values()) == {"to make"}
    refused("run", "--config", config, "--lake", lake)
    first = planned(everything)
    assert re.fullmatch(r"to make, \d+ work items are done already", first.pop("ingest"))
    assert set(first.values()) == {"to make"}
    postlake("run", "--config", config, "--lake", lake)
    assert set(planned(everything).values()) == {"there"}
    postlake("clean", "--config", config, "--lake", lake, *fewer)
    there = {"ingest": "there", "dedup": "there", "clean": "there"}
    assert planned(everything, *fewer) == {**there, "samples": "to make again"}
    postlake("samples", "--config", config, "--lake", lake)
    (lake / "versions" / "v000003.json").unlink()
    assert planned(everything, *fewer) == {**there, "samples": "to make again, 2 work items are done already"}


def test_run_plan_of_many_files_is_short(tmp_path: Path) -> None:
    for number in range(30):
        path = tmp_path / "raw" / f"{number:02}.jsonl"
        path.parent.mkdir(exist_ok=True)
        path.write_text('{"post_id": "forum:1"}\n')
    config = tmp_path / "my.toml"
    config.write_text(f'[ingest]\ninputs = ["jsonl:{tmp_path}/raw"]\n')
    shown = postlake("run", "--config", config, "--lake", tmp_path / "lake", "--plan").out
    assert ["jsonl", "30", "690", "0", "30"] in [line.split() for line in shown.splitlines()]
    assert shown.count(".jsonl ") == 20
    assert "and 10 more, all with --json" in shown


def test_the_version_is_the_installed_one() -> None:
    assert postlake("--version").out == importlib.metadata.version("postlake") + "\n"


def test_a_run_that_fails_in_a_late_stage_commits_nothing(tmp_path: Path) -> None:
    inputs = write_dumps(tmp_path / "raw")
    config = tmp_path / "my.toml"
    config.write_text(f"[ingest]\ninputs = {json.dumps(inputs)}\n[clean]\n")
    assert "expected postlake dedup to have run" in refused("run", "--config", config, "--lake", tmp_path / "lake")
    no_version(tmp_path / "lake")


BARE = """
    import sys
    ALLOWED = {"pyarrow", "polars", "numpy", "fsspec", "duckdb", "pydantic", "cyclopts", "rich"}
    EXTRAS = ("ray", "torch", "zstandard", "msgspec", "numba", "langdetect", "PIL", "av", "s3fs", "transformers",
              "deepspeed", "peft", "datasets", "scipy", "pandas", "boto3")

    class Bare:
        def find_spec(self, name, path=None, target=None):
            if name.partition(".")[0] in EXTRAS:
                raise ModuleNotFoundError(f"No module named {name!r}", name=name)

    sys.meta_path.insert(0, Bare())
    from ray_jobs.cli import main
    for words in WORDS:
        sys.argv = ["postlake", *words]
        try:
            main()
        except SystemExit as stop:
            print("exit", stop.code, file=sys.stderr)
    print("loaded", sorted(set(EXTRAS) & set(sys.modules)), file=sys.stderr)
"""


def bare(*commands: list[str]) -> subprocess.CompletedProcess[str]:
    """Commands in a process that has the core dependencies only."""
    script = textwrap.dedent(BARE).replace("WORDS", json.dumps(commands))
    command = [sys.executable, "-c", script]
    return subprocess.run(command, capture_output=True, text=True, errors="replace", cwd=ROOT, check=False)


def test_reading_needs_the_core_alone_and_loads_no_ray(lake: Path) -> None:
    sql = "SELECT created_at, count(*) FROM posts GROUP BY 1"
    forms = [["query", str(lake), sql, "--format", form] for form in ("table", "json", "csv", "arrow")]
    done = bare(
        ["--help"],
        ["inspect", str(lake)],
        ["inspect", str(lake), "samples", "--json"],
        *forms,
        ["explain", str(lake), "reddit:a1"],
        ["verify", str(lake)],
    )
    assert done.returncode == 0, done.stderr
    assert "loaded []" in done.stderr
    assert "Traceback" not in done.stderr
    assert {line for line in done.stderr.splitlines() if line.startswith("exit")} <= {"exit 0"}
    assert "version 5 is whole" in done.stdout


def test_a_job_without_its_packages_says_what_to_install(lake: Path) -> None:
    done = bare(["dedup", "--lake", str(lake)])
    assert "postlake: MissingExtra: " in done.stderr
    assert "pip install 'postlake[" in done.stderr
    assert "exit 2" in done.stderr
    assert "Traceback" not in done.stderr


def test_a_reader_that_has_seen_enough_is_no_error(lake: Path) -> None:
    command = (
        f"{sys.executable} -m ray_jobs query {lake} 'SELECT repeat(title, 20000) FROM posts' --format csv | head -c 9"
    )
    done = subprocess.run(["bash", "-c", command], capture_output=True, text=True, cwd=ROOT, check=False)
    assert len(done.stdout) == 9
    assert done.stderr == ""
