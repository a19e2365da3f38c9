"""The demo, as `make demo` runs it, held against the truth that the generator wrote down."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import polars as pl
import pytest

from pipelines import Lake, open_lake
from pipelines.lake.verify import verify

pytestmark = pytest.mark.timeout(1200)
ROOT = Path(__file__).parent.parent
EXACT = ("crosspost", "image_same_bytes", "mirror_link", "mirror_same_bytes", "same_text", "same_url")


def demo_commands() -> list[list[str]]:
    """The postlake commands of the Makefile's demo target, for the interpreter that runs this test."""
    target = re.search(r"^demo:.*?\n((?:\t.*\n)+)", (ROOT / "Makefile").read_text(), re.M)
    assert target is not None
    lines = [line.strip() for line in target.group(1).splitlines() if "/postlake " in line]
    return [[sys.executable, "-m", "ray_jobs", *line.split()[1:]] for line in lines]


@pytest.fixture(scope="module")
def demo(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("demo")
    commands = demo_commands()
    assert len(commands) == 2
    for command in commands:
        done = subprocess.run(command, cwd=folder, env=_environment(), capture_output=True, text=True, check=False)
        assert done.returncode == 0, done.stderr[-3000:]
    return folder / "demo-out"


def _environment() -> dict[str, str]:
    path = os.pathsep.join([str(ROOT), *filter(None, [os.environ.get("PYTHONPATH")])])
    return {**os.environ, "PYTHONPATH": path}


@pytest.fixture(scope="module")
def lake(demo: Path) -> Lake:
    return open_lake(str(demo / "lake"))


@pytest.fixture(scope="module")
def summary(demo: Path) -> dict[str, Any]:
    found: dict[str, Any] = json.loads((demo / "raw" / "summary.json").read_text())
    return found


@pytest.fixture(scope="module")
def truth(demo: Path) -> pl.DataFrame:
    return pl.read_parquet(demo / "raw" / "truth.parquet")


def _frame(dataset: Any, *columns: str) -> pl.DataFrame:
    frame = pl.from_arrow(dataset.to_table(columns=list(columns)))
    assert isinstance(frame, pl.DataFrame)
    return frame


def test_training_beats_what_averages_know(demo: Path) -> None:
    scores = json.loads((demo / "model" / "scores.json").read_text())
    before, after = scores["before"], scores["after"]
    assert after["comments"]["perplexity"] < after["unigram"]["perplexity"]
    assert after["comments"]["perplexity"] < before["comments"]["perplexity"]
    [liked] = [numbers for said, numbers in after["likes"].items() if said.endswith("liked by ")]
    assert liked["num"] > 10
    assert liked["r2"] > 0
    assert liked["spearman"] > 0


def test_every_planted_record_was_read_and_every_ledger_closes(lake: Lake, summary: dict[str, Any]) -> None:
    files = summary["files"].values()
    for table in ("posts", "comments"):
        planted = sum(entry[table] for entry in files)
        manifest = lake.manifest(table)
        assert manifest is not None
        assert manifest.ledger.rows_in - manifest.ledger.quarantined == planted
    quarantine = lake.manifest("quarantine")
    assert quarantine is not None
    # A corrupt line is one row, and so is the lost end of the truncated dump.
    assert quarantine.ledger.accepted == sum(e["corrupt"] for e in files) + len(summary["bad_files"])
    assert {i.name for i in quarantine.inputs if i.problem} == {Path(name).name for name in summary["bad_files"]}


def test_exact_copies_are_found_and_nothing_else(lake: Lake, demo: Path, truth: pl.DataFrame) -> None:
    pairs = _frame(lake.table("duplicates"), "post_id", "canonical_id")
    planted = truth.filter(pl.col("kind").is_in([f"copy_{kind}" for kind in EXACT]))
    joined = planted.join(pairs, on="post_id").join(pairs, left_on="of", right_on="post_id", suffix="_of")
    assert joined.height == planted.height > 20
    assert (joined["canonical_id"] == joined["canonical_id_of"]).all()
    clusters = pl.read_parquet(demo / "raw" / "truth_posts.parquet").select("post_id", "cluster")
    moved = pairs.filter(pl.col("post_id") != pl.col("canonical_id"))
    checked = moved.join(clusters, on="post_id").join(
        clusters, left_on="canonical_id", right_on="post_id", suffix="_of"
    )
    assert checked.height == moved.height
    assert (checked["cluster"] == checked["cluster_of"]).all()


@pytest.mark.parametrize(
    ("planted", "reasons"),
    [
        ("deleted", {"removed"}),
        ("removed", {"removed"}),
        ("foreign", {"not_language"}),
        ("links_only", {"links_only"}),
        ("short", {"too_short", "emoji_only"}),
    ],
)
def test_planted_comments_are_rejected_for_their_reason(
    lake: Lake, truth: pl.DataFrame, planted: str, reasons: set[str]
) -> None:
    fates = _frame(lake.rejected("clean_comments"), "comment_id", "reject_reason")
    mine = truth.filter((pl.col("kind") == planted) & pl.col("comment_id").is_not_null())
    joined = mine.join(fates, on="comment_id", how="left")
    assert joined.height > 20
    assert set(joined["reject_reason"].unique()) == reasons


def test_the_newer_observation_of_a_post_counts(lake: Lake, truth: pl.DataFrame) -> None:
    twice = truth.filter(pl.col("kind") == "seen_twice")
    likes = dict(_frame(lake.table("posts"), "post_id", "likes").iter_rows())
    planted = [(post_id, json.loads(text)["new_likes"]) for post_id, text in twice["post_id", "parameters"].iter_rows()]
    # Some videos hide their likes.
    shown = [(likes[post_id], new) for post_id, new in planted if likes[post_id] is not None]
    assert len(shown) > 10
    assert all(stored == new for stored, new in shown)


def test_no_cluster_and_no_poster_crosses_splits(lake: Lake) -> None:
    samples = _frame(lake.table("samples"), "post_id", "split")
    posters = _frame(lake.table("posts"), "post_id", "author_bucket")
    known = samples.join(posters, on="post_id").filter(pl.col("author_bucket").is_not_null())
    assert known.group_by("author_bucket").agg(pl.col("split").n_unique())["split"].max() == 1
    canonical = set(_frame(lake.table("duplicates"), "canonical_id")["canonical_id"])
    assert set(samples["post_id"]) <= canonical
    assert set(samples["split"]) == {"train", "val", "test"}


def test_the_lake_is_whole(lake: Lake) -> None:
    assert verify(lake) == []


@pytest.mark.filterwarnings("ignore:.*is_gradient_checkpointing.*:FutureWarning")  # peft asks transformers 5 for it.
def test_the_model_opens_with_plain_transformers_and_peft(demo: Path) -> None:
    from peft import PeftModel
    from transformers import AutoModelForImageTextToText, AutoProcessor

    base = AutoModelForImageTextToText.from_pretrained(demo / "model" / "base")
    model = PeftModel.from_pretrained(base, str(demo / "model" / "model"))
    processor = AutoProcessor.from_pretrained(demo / "model" / "model")
    assert model.num_parameters() > 1_000_000
    assert processor.chat_template


def test_running_the_stages_again_is_a_no_op(demo: Path) -> None:
    command = [sys.executable, "-m", "ray_jobs", "clean", "--lake", "demo-out/lake", "--config", "demo", "--json"]
    done = subprocess.run(command, cwd=demo.parent, env=_environment(), capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr[-2000:]
    assert "nothing to do" in done.stderr
    assert json.loads(done.stdout)["version"] == 1
