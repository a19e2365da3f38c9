"""Scores of a model on held-out behaviour: the evaluate command, and how scores are shown."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from pipelines.lake.reader import Lake
from ray_jobs.output import Output
from schemas.errors import CheckpointError


def evaluate(lake: Lake, checkpoint: Path, *, split: str, count: int, output: Output) -> dict[str, Any]:
    """Score an exported model (adapter or whole) on a split of the lake's samples, in this process."""
    from ray_jobs.train import held_out, reference_rows
    from training.export import SETTINGS, open_export
    from training.ranks import process_group
    from training.tasks.behaviour import Behaviour
    from training.tasks.reference import Reference

    if not checkpoint.is_dir():
        raise CheckpointError("no such model", where=str(checkpoint), expected="a folder that training wrote")
    if not (checkpoint / SETTINGS).is_file() and (checkpoint / "model" / SETTINGS).is_file():
        raise CheckpointError(
            f"no exported model here; did you mean {checkpoint / 'model'}?", where=str(checkpoint), field=SETTINGS
        )
    with process_group(0, 1):
        model, encoder, _ = open_export(checkpoint)
        task = Behaviour(Reference.fit(encoder, reference_rows(lake, 20_000)), held_out(lake, split, count))
        scores = task(model, encoder, share=(0, 1))
    output.log(f"evaluate: {scores['num_samples']} samples of split {split}")
    return {"split": split, "before": None, "after": scores}


def show_scores(scores: dict[str, Any], output: Output) -> None:
    """Before and after, beside what a model that knows only the training split's averages would reach."""
    before, after = scores["before"], scores["after"]
    if after is None:
        output.line("no held-out samples were scored")
        return
    rows = []
    if after["comments"]:
        rows.append(
            [
                "comment perplexity",
                _of(before, "comments", "perplexity"),
                after["comments"]["perplexity"],
                f"{after['unigram']['perplexity']:.4g} (unigram model)",
            ]
        )
    for group, numbers in after["likes"].items():
        said = " ".join(group.split())[-40:]
        for name, label in (("r2", "R2"), ("spearman", "Spearman")):
            rows.append(
                [
                    f"likes {label} ({_values(numbers['num'])}): {said}",
                    _of(before, "likes", group, name),
                    numbers[name],
                    "0 (training mean)" if name == "r2" else "0",
                ]
            )
    if after["replay"]:
        rows.append(
            [
                f"replay R2 ({_values(after['replay']['num'])})",
                _of(before, "replay", "r2"),
                after["replay"]["r2"],
                "0 (training mean)",
            ]
        )
    if before is None:
        columns = ["held-out behaviour", "score", "baseline"]
        shown = [[name, _number(two), base] for name, _, two, base in rows]
    else:
        columns = ["held-out behaviour", "before", "after", "baseline"]
        shown = [[name, _number(one), _number(two), base] for name, one, two, base in rows]
    output.table(f"{after['num_samples']} samples of split {scores['split']}", columns, shown)


def _values(count: int) -> str:
    return f"{count:,} value{'' if count == 1 else 's'}"


def _of(scores: dict[str, Any] | None, *names: str) -> Any:
    value: Any = scores
    for name in names:
        value = value.get(name) if isinstance(value, dict) else None
    return value


def _number(value: Any) -> str:
    return "" if value is None else f"{value:.3g}" if abs(value) < 1e5 else f"{value:.2e}"
