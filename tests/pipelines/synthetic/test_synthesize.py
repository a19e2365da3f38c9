"""The whole of `synthesize`: sameness, counts, options, refusals."""

from __future__ import annotations

import hashlib
import json
from collections import Counter
from dataclasses import asdict
from pathlib import Path
from typing import Any

import pytest

from pipelines.synthetic import synthesize
from pipelines.synthetic.calendar import spans
from schemas.errors import ConfigError, InputError
from tests.pipelines.synthetic.conftest import POSTS, World, lines_of, parsed


def _digest(root: Path) -> str:
    found = hashlib.sha256()
    for path in sorted(path for path in root.rglob("*") if path.is_file()):
        found.update(path.relative_to(root).as_posix().encode() + b"\0" + hashlib.sha256(path.read_bytes()).digest())
    return found.hexdigest()


def test_the_same_seed_gives_the_same_bytes_and_another_seed_others(tmp_path: Path) -> None:
    for name, seed in (("a", 3), ("b", 3), ("c", 4)):
        synthesize(tmp_path / name, posts=70, seed=seed, media=30)
    assert _digest(tmp_path / "a") == _digest(tmp_path / "b")
    assert _digest(tmp_path / "a") != _digest(tmp_path / "c")


def test_this_machine_writes_the_bytes_that_others_do(tmp_path: Path) -> None:
    # Recorded once; it moves when the generator or a pinned library changes, and then on every machine alike.
    synthesize(tmp_path / "a", posts=70, seed=3, media=30)
    dumps = hashlib.sha256(
        b"".join(line for path in sorted((tmp_path / "a/reddit").iterdir()) for line in lines_of(path))
    )
    assert dumps.hexdigest()[:16] == "20cb72063f095dfb"
    assert _digest(tmp_path / "a/media")[:16] == "8e6fb918da478a47"


def test_media_change_nothing_in_the_dumps(tmp_path: Path) -> None:
    for name, media in (("a", 0), ("b", 20)):
        synthesize(tmp_path / name, posts=70, media=media)
    assert _digest(tmp_path / "a/reddit") == _digest(tmp_path / "b/reddit")
    assert not list((tmp_path / "a/media").iterdir())
    assert list((tmp_path / "b/media").iterdir())


def test_other_seeds_have_other_ids(world: World, tmp_path: Path) -> None:
    synthesize(tmp_path / "other", posts=60, seed=6, media=0)
    other = World(tmp_path / "other", world.summary)
    assert not {row["post_id"] for row in world.shown()} & {row["post_id"] for row in other.shown()}


def test_the_summary_counts_every_record(world: World) -> None:
    counted: Counter[tuple[str, str]] = Counter()
    for path in (world.out / "reddit").iterdir():
        for line in lines_of(path):
            what = "posts" if path.name.startswith("RS") else "comments"
            counted[f"reddit/{path.name}", what if isinstance(parsed(line), dict) else "corrupt"] += 1
    for file, response in world.responses("videos"):
        counted[file, "posts"] += len(response["items"])
    for file, response in world.responses("commentThreads"):
        counted[file, "comments"] += sum(1 + len(t.get("replies", {}).get("comments", [])) for t in response["items"])
    for path in (world.out / "youtube").glob("*.info.json"):
        counted[f"youtube/{path.name}", "posts"] += 1
        counted[f"youtube/{path.name}", "comments"] += len(json.loads(path.read_text())["comments"])
    expected = {(f, what): n for f, tally in world.summary.files.items() for what, n in tally.items() if n}
    assert {key: n for key, n in counted.items() if n} == expected
    assert json.loads((world.out / "summary.json").read_text()) == asdict(world.summary)


def test_totals_are_of_distinct_posts_and_comments(world: World) -> None:
    assert world.summary.posts == POSTS == len({row["post_id"] for row in world.shown()})
    in_files = sum(tally["posts"] for tally in world.summary.files.values())
    assert in_files == POSTS + len(world.facts("seen_twice"))
    assert world.summary.comments == sum(tally["comments"] for tally in world.summary.files.values())


def test_without_broken_every_line_is_a_record(tmp_path: Path) -> None:
    summary = synthesize(tmp_path, posts=60, media=0, broken=False)
    assert not summary.bad_files
    assert not summary.broken_media
    assert not any(tally["corrupt"] for tally in summary.files.values())
    assert all(isinstance(parsed(line), dict) for path in (tmp_path / "reddit").iterdir() for line in lines_of(path))


def test_comments_per_post_is_the_average(tmp_path: Path) -> None:
    summary = synthesize(tmp_path, posts=2_000, media=0, comments_per_post=3.0, broken=False)
    assert 2.6 < summary.comments / summary.posts < 3.4


def test_progress_hears_of_every_post(tmp_path: Path) -> None:
    heard: list[int] = []
    synthesize(tmp_path, posts=60, media=20, progress=heard.append)
    assert sum(heard) == 60


@pytest.mark.parametrize("posts", [1, 2, 7])
def test_the_smallest_worlds(tmp_path: Path, posts: int) -> None:
    assert synthesize(tmp_path, posts=posts).posts == posts


def test_stretches_cover_all_posts_once() -> None:
    found = spans(750_000)
    assert [span.first for span in found] == [sum(s.posts for s in found[:i]) for i in range(len(found))]
    assert sum(span.posts for span in found) == 750_000
    assert len({span.month.name for span in found}) > 10


@pytest.mark.parametrize(
    ("field", "arguments"),
    [
        ("posts", {"posts": 0}),
        ("seed", {"posts": 5, "seed": -1}),
        ("media", {"posts": 5, "media": -1}),
        ("comments_per_post", {"posts": 5, "comments_per_post": float("nan")}),
    ],
)
def test_numbers_out_of_range_are_refused(tmp_path: Path, field: str, arguments: dict[str, Any]) -> None:
    with pytest.raises(ConfigError) as raised:
        synthesize(tmp_path / "out", **arguments)
    assert raised.value.field == field
    assert not (tmp_path / "out").exists()


def test_a_folder_with_something_in_it_is_refused(tmp_path: Path) -> None:
    (tmp_path / "keep.txt").write_text("mine")
    with pytest.raises(InputError, match="not empty"):
        synthesize(tmp_path, posts=5)
    assert [path.name for path in tmp_path.iterdir()] == ["keep.txt"]
