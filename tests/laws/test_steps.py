"""What holds for every step of every recipe: batch borders do not matter, twice is once, no row is lost, order is kept.

A new step is tested here as soon as a recipe has it. The tables hold the ugly cases of real dumps.
"""

from __future__ import annotations

from collections.abc import Callable
from itertools import pairwise
from typing import Any

import numpy as np
import pyarrow as pa
import pytest

from pipelines.comments.language import Language
from pipelines.comments.ranking import Ranking
from pipelines.recipe import CleanRecipe, SamplesRecipe
from pipelines.step import REASON, STEP
from schemas import COMMENTS, POSTS
from schemas.table import TIMESTAMP

Step = Callable[[pa.Table], pa.Table]

UGLY = [
    *(None, "", " ", "\x00", "a\x00b c d", "lol", "so cute", "first!", "...", "!!!", "1 2 3", "[deleted]", "[removed]"),
    *("😍😍😍", "👨\u200d👩\u200d👧 family", "http://example.org/a", "see www.example.org", "[](http://example.org)"),
    *(
        "this is what I call a good picture",
        "c'est une très belle photo de chat",
        "bahut accha hai yaar kya baat",
    ),
    *("das ist wirklich ein sehr schönes Bild", "это очень красивая фотография", "\u202eright to left\u202c"),
    *("שלום לכולם זה יפה מאוד", "هذه صورة جميلة جدا", "とても可愛い猫ですね", "สวยมากเลยครับ", "ＦＵＬＬ width text"),
    *("x" * 10_000, "word " * 2_000, "yes, " * 100, "e\u0301\u0301\u0301 zalgo text here", "\u200b\u200b\u200b"),
    *("\ud7ff\ue000 \uffff odd points", "It's   spaced \n\n out\t a lot, isn't it?"),
]
NUM_POSTS, NUM_ROWS = 12, 150


def comments(seed: int = 0) -> pa.Table:
    """Comments sorted by post, as a bucket holds them."""
    rng = np.random.default_rng(seed)
    posts = sorted(f"reddit:p{i}" for i in rng.integers(0, NUM_POSTS, NUM_ROWS))
    rows = [
        {
            "comment_id": f"reddit:c{i}",
            "post_id": post,
            "canonical_id": post,
            "author_kind": [None, "person", "person", "deleted", "listed_bot", "bot_name"][rng.integers(0, 6)],
            "created_at": None if i % 7 == 0 else int(rng.integers(0, 5)),
            "text": UGLY[rng.integers(0, len(UGLY))],
            "likes": None if i % 5 == 0 else int(rng.integers(-3, 4)),
            "source_file": "f",
            "source_offset": i,
        }
        for i, post in enumerate(posts)
    ]
    return pa.Table.from_pylist(rows, schema=COMMENTS.schema.append(pa.field("canonical_id", pa.string())))


def posts(seed: int = 0) -> pa.Table:
    """Posts with the columns that `build` derives."""
    rng = np.random.default_rng(seed)
    maybe: list[Any] = [None, True, False]
    rows = [
        {
            "post_id": f"reddit:p{i}",
            "platform": "reddit",
            "title": UGLY[rng.integers(0, len(UGLY))],
            "nsfw": maybe[rng.integers(0, 3)],
            "removed": maybe[rng.integers(0, 3)],
            "author_kind": [None, "person", "deleted", "listed_bot", "bot_name"][rng.integers(0, 5)],
            "duration_seconds": [None, 3.0, 501.0, float("inf")][rng.integers(0, 4)],
            "source_file": "f",
            "source_offset": i,
        }
        for i in range(NUM_ROWS)
    ]
    table = pa.Table.from_pylist(rows, schema=POSTS.schema)
    for name in ("num_fetched", "num_pictures", "num_comments_kept"):
        table = table.append_column(name, pa.array(rng.integers(0, 3, NUM_ROWS)))
    return table.append_column("has_likes", pa.array(rng.integers(0, 2, NUM_ROWS).astype(bool)))


CLEAN = CleanRecipe()
SAMPLES = SamplesRecipe.model_validate({"duration": {"max_seconds": 500}})
ALL_LANGUAGES = Language(accept=())
CASES: list[tuple[str, Step, pa.Table]] = [
    *((f"clean.{type(step).__name__}", step, comments()) for step in CLEAN.steps()),
    *((f"samples.{type(step).__name__}", step, posts()) for step in SAMPLES.steps()),
    ("clean.Language-all", ALL_LANGUAGES, comments()),
    ("clean", CLEAN, comments()),
]
PER_POST = (Ranking, CleanRecipe)
"""These need all rows of a post together; every other step must not care where a table is cut."""

every_step = pytest.mark.parametrize(("step", "table"), [pytest.param(s, t, id=name) for name, s, t in CASES])


@every_step
def test_no_row_is_lost_and_order_is_kept(step: Step, table: pa.Table) -> None:
    done = step(table)
    assert done.select(table.column_names).equals(table)
    assert {STEP, REASON} <= set(done.column_names) or done is table
    assert done[STEP].is_null().equals(done[REASON].is_null())


@every_step
def test_twice_is_once(step: Step, table: pa.Table) -> None:
    once = step(table)
    assert step(once).equals(once)


@every_step
def test_batch_borders_do_not_matter(step: Step, table: pa.Table) -> None:
    whole = step(table)
    if isinstance(step, PER_POST):
        ids = table["canonical_id"].to_pylist()
        cuts = [0, *(i for i in range(1, len(ids)) if ids[i] != ids[i - 1]), len(ids)]
    else:
        cuts = [0, 1, 2, 2, 40, 97, len(table)]
    pieces = [step(table.slice(a, b - a)) for a, b in pairwise(cuts)]
    assert pa.concat_tables(pieces).equals(whole)


@every_step
def test_first_reason_wins(step: Step, table: pa.Table) -> None:
    marked = table.append_column(STEP, pa.array(["before"] * len(table)))
    marked = marked.append_column(REASON, pa.array(["earlier"] * len(table)))
    assert step(marked).select([STEP, REASON]).equals(marked.select([STEP, REASON]))


@every_step
def test_every_step_rejects_something_here(step: Step, table: pa.Table) -> None:
    """A law that no row of the table exercises would prove nothing."""
    num_rejected = len(table) - step(table)[REASON].null_count
    assert num_rejected < len(table)
    assert num_rejected > 0 or step is ALL_LANGUAGES


@every_step
def test_order_of_posts_does_not_matter(step: Step, table: pa.Table) -> None:
    order = np.random.default_rng(1).permutation(len(table))
    assert step(table.take(order)).equals(step(table).take(order))


def test_times_are_those_of_the_lake() -> None:
    assert comments().schema.field("created_at").type == TIMESTAMP
