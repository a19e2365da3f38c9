"""How scores are shown, and what is said of a folder that holds no model."""

from __future__ import annotations

import warnings
from pathlib import Path
from typing import Any

import pytest

from ray_jobs.output import Output
from ray_jobs.scores import show_scores
from tests.ray_jobs.front import refused
from training.export import SETTINGS
from training.libraries import import_transformers

AFTER: dict[str, Any] = {
    "num_samples": 9,
    "comments": {"perplexity": 12.5},
    "unigram": {"perplexity": 99.0},
    "likes": {"It got likes: ": {"num": 7, "r2": 0.25, "spearman": 0.5}},
    "replay": None,
}


def shown(scores: dict[str, Any], capsys: pytest.CaptureFixture[str]) -> list[list[str]]:
    show_scores({"split": "test", **scores}, Output())
    return [line.split() for line in capsys.readouterr().out.splitlines()]


def test_no_column_without_a_score_and_the_number_of_values(capsys: pytest.CaptureFixture[str]) -> None:
    lines = shown({"before": None, "after": AFTER}, capsys)
    assert lines[1] == ["held-out", "behaviour", "score", "baseline"]
    assert lines[2] == ["comment", "perplexity", "12.5", "99", "(unigram", "model)"]
    assert lines[3][:4] == ["likes", "R2", "(7", "values):"]
    both = shown({"before": AFTER, "after": AFTER}, capsys)
    assert both[1] == ["held-out", "behaviour", "before", "after", "baseline"]
    assert both[2][2:4] == ["12.5", "12.5"]


def test_the_folder_above_the_export_is_no_model(tmp_path: Path, handmade: Path) -> None:
    (tmp_path / "out" / "model").mkdir(parents=True)
    (tmp_path / "out" / "model" / SETTINGS).write_text("{}")
    assert f"did you mean {tmp_path}/out/model?" in refused("evaluate", tmp_path / "out", "--lake", handmade)


def test_the_old_name_in_transformers_is_no_news() -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        import_transformers()
        warnings.warn("`is_gradient_checkpointing` is deprecated and will go", FutureWarning, stacklevel=1)
        with pytest.raises(FutureWarning):
            warnings.warn("something else is deprecated", FutureWarning, stacklevel=1)
