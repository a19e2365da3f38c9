"""signatures -> resolve -> duplicates: what is a copy of what, and what is not."""

from __future__ import annotations

import datetime as dt
from typing import Any

import numpy as np
import polars as pl
import pyarrow as pa
import pytest

from pipelines.dedup import EDGES, SIGNATURES, DedupRecipe, duplicates, resolve, signatures
from pipelines.dedup.clusters import components
from schemas import DUPLICATES, POSTS
from schemas.contract import conform
from schemas.errors import ContractError

LONG = " ".join(f"word{i}" for i in range(20))
MEDIA = pa.schema([("post_id", pa.string()), ("position", pa.int32()), ("url", pa.string()), ("media_id", pa.string())])
FIXED = {"platform": "reddit", "source_file": "f", "source_offset": 0}


def posts_of(*rows: dict[str, Any]) -> pa.Table:
    return conform(pa.Table.from_pylist([FIXED | row for row in rows], schema=POSTS.schema), POSTS)


def media_of(fetched: dict[str, list[str | None]]) -> pa.Table:
    rows = [
        {"post_id": post, "position": place, "url": f"https://i.redd.it/{post}{place}.jpg", "media_id": media}
        for post, ids in fetched.items()
        for place, media in enumerate(ids)
    ]
    return pa.Table.from_pylist(rows, schema=MEDIA)


def run(posts: pa.Table, media: pa.Table, recipe: DedupRecipe | None = None) -> dict[str, tuple[Any, ...]]:
    edges = resolve(signatures(posts, media, recipe), recipe)
    table = duplicates(posts.select(["post_id", "likes", "created_at"]), edges)
    assert table.schema == DUPLICATES.schema
    assert sorted(table["post_id"].to_pylist()) == sorted(posts["post_id"].to_pylist())
    return {r["post_id"]: (r["canonical_id"], r["evidence"], r["witness"]) for r in table.to_pylist()}


def clusters(
    posts: pa.Table, media: dict[str, list[str | None]], recipe: DedupRecipe | None = None
) -> set[frozenset[str]]:
    found: dict[str, set[str]] = {}
    for post, (canonical, _, _) in run(posts, media_of(media), recipe).items():
        found.setdefault(canonical, set()).add(post)
    return {frozenset(members) for members in found.values()}


def test_one_link_in_two_spellings() -> None:
    posts = posts_of(
        {"post_id": "a", "url": "https://youtu.be/dQw4w9WgXcQ", "likes": 3},
        {"post_id": "b", "url": "https://www.youtube.com/watch?v=dQw4w9WgXcQ&t=4", "likes": 9},
        {"post_id": "c", "url": "https://www.youtube.com/watch?v=aaaaaaaaaaa", "likes": 99},
    )
    assert run(posts, media_of({})) == {"a": ("b", "url", "b"), "b": ("b", None, None), "c": ("c", None, None)}


def test_a_self_post_gives_no_url_evidence_but_a_watch_page_does() -> None:
    watch = "https://www.youtube.com/watch?v=dQw4w9WgXcQ"
    own = "https://www.reddit.com/r/x/comments/1/a/"
    posts = posts_of(
        {"post_id": "self", "url": own, "permalink": "/r/x/comments/1/a/"},
        {"post_id": "about", "url": own, "permalink": "/r/y/comments/2/b/"},
        {"post_id": "video", "url": watch, "permalink": watch, "platform": "youtube"},
        {"post_id": "mirror", "url": watch, "permalink": "/r/y/comments/3/c/"},
    )
    assert clusters(posts, {}) == {frozenset(["self"]), frozenset(["about"]), frozenset(["video", "mirror"])}


def test_same_bytes_join_and_part_of_a_gallery_does_not() -> None:
    posts = posts_of(*({"post_id": name} for name in "abcd"))
    media: dict[str, list[str | None]] = {"a": ["m1"], "b": ["m1"], "c": ["m1", "m2"], "d": ["m2", "m1"]}
    assert clusters(posts, media) == {frozenset("ab"), frozenset("cd")}


def test_posts_without_media_are_not_touched_by_media_evidence() -> None:
    posts = posts_of(*({"post_id": str(i), "title": f"t{i}"} for i in range(20)))
    assert len(clusters(posts, {})) == 20


def test_media_that_were_not_fetched_are_not_equal() -> None:
    posts = posts_of(*({"post_id": name, "media": [{"kind": "image", "url": "u"}]} for name in "ab"))
    assert len(clusters(posts, {"a": [None], "b": [None]})) == 2


def test_text_joins_posts_with_the_same_media_state_only() -> None:
    posts = posts_of(
        {"post_id": "none1", "title": "So  cute"},
        {"post_id": "none2", "title": "so cute"},
        {"post_id": "m1", "title": "so cute"},
        {"post_id": "m2", "title": "so cute"},
        {"post_id": "u1", "title": "so cute", "media": [{"kind": "image", "url": "u1"}]},
        {"post_id": "u2", "title": "so cute", "url": "https://example.org/elsewhere"},
    )
    found = clusters(posts, {"m1": ["x"], "m2": ["y"]})
    assert found == {frozenset(["none1", "none2"]), *(frozenset([p]) for p in ("m1", "m2", "u1", "u2"))}


@pytest.mark.parametrize(("text", "joined"), [(LONG, True), (LONG.rsplit(" ", 1)[0], False)])
def test_unknown_media_need_twenty_words(text: str, joined: bool) -> None:
    posts = posts_of(*({"post_id": p, "title": text, "media": [{"kind": "image", "url": p}]} for p in "ab"))
    assert (len(clusters(posts, {"a": [None]})) == 1) is joined


def test_a_post_of_unknown_media_never_bridges_two_known_media() -> None:
    posts = posts_of(*({"post_id": p, "text": LONG} for p in ("m1", "m2", "u1", "u2")))
    unknown: dict[str, list[str | None]] = {"u1": [None], "u2": ["x", None]}
    assert clusters(posts, {"m1": ["x"], "m2": ["y"]} | unknown) == {
        frozenset(["m1"]), frozenset(["m2"]), frozenset(["u1", "u2"])
    }  # fmt: skip
    assert clusters(posts.slice(0, 3), {"m1": ["x"], "m2": ["x"]} | unknown) == {frozenset(["m1", "m2", "u1"])}


def test_eight_short_texts_stay_eight() -> None:
    texts = ["lol", "so cute", "nice", "ok", "wow", "first!", "haha", "this"]
    posts = posts_of(*({"post_id": t, "title": t} for t in texts))
    assert len(clusters(posts, {})) == 8


def test_a_hash_alone_does_not_join() -> None:
    rows = [
        {"evidence": "text", "key": "same", "payload": text, "num_words": 1, "post_id": p, "media_state": "none"}
        for p, text in [("a", "one"), ("b", "two"), ("c", "two")]
    ]
    edges = resolve(pa.Table.from_pylist(rows, schema=SIGNATURES))
    assert edges.to_pylist() == [{"post_id": "c", "witness": "b", "evidence": "text", "similarity": 1.0}]


def test_survivor_is_most_liked_then_earliest_then_smallest_id() -> None:
    day = [dt.datetime(2020, 1, d, tzinfo=dt.UTC) for d in (1, 2, 3)]
    link = {"url": "https://example.org/a"}
    rows: list[dict[str, Any]] = [
        {"post_id": "e", "likes": None, "created_at": day[0]},
        {"post_id": "d", "likes": 5, "created_at": None},
        {"post_id": "c", "likes": 5, "created_at": day[1]},
        {"post_id": "b", "likes": 5, "created_at": day[1]},
        {"post_id": "f", "likes": -3, "created_at": day[0]},
    ]
    for best in ["b", "c", "d", "f", "e"]:
        found = run(posts_of(*(row | link for row in rows)), media_of({}))
        assert {canonical for canonical, _, _ in found.values()} == {best}
        rows = [row for row in rows if row["post_id"] != best]


def test_recipe_leaves_out_evidence() -> None:
    posts = posts_of({"post_id": "a", "title": "x"}, {"post_id": "b", "title": "x"})
    assert clusters(posts, {}, DedupRecipe(evidence=("url", "bytes"))) == {frozenset("a"), frozenset("b")}
    assert signatures(posts, media_of({}), DedupRecipe(evidence=())).num_rows == 0


def shuffled(table: pa.Table, seed: int) -> pa.Table:
    return table.take(np.random.default_rng(seed).permutation(table.num_rows))


@pytest.mark.parametrize("seed", range(5))
def test_order_of_rows_and_partitions_does_not_matter(seed: int) -> None:
    rng = np.random.default_rng(0)
    draw = rng.integers(0, 40, size=(120, 3))
    posts = posts_of(
        *(
            {"post_id": f"p{i:03}", "url": f"https://example.org/{u}", "title": f"title {t}", "likes": int(t) % 3}
            for i, (u, t, _) in enumerate(draw)
        )
    )
    media = media_of({f"p{i:03}": [f"m{m}" if m % 3 else None] for i, (_, _, m) in enumerate(draw)})
    attributes = ["post_id", "likes", "created_at"]
    whole = duplicates(posts.select(attributes), resolve(signatures(posts, media)))
    rows = shuffled(signatures(shuffled(posts, seed), shuffled(media, seed)), seed + 1)
    part = pl.Series(rows["key"]).hash(seed).to_numpy() % 3
    edges = pa.concat_tables([resolve(rows.filter(pa.array(part == p))) for p in range(3)])
    again = duplicates(shuffled(posts.select(attributes), seed + 2), shuffled(edges, seed + 3))
    assert again.equals(whole)
    assert 1 < len(set(whole["canonical_id"].to_pylist())) < 120


def test_links_lead_to_the_canonical_post() -> None:
    """Every copy's witness is of its cluster, and following witnesses ends at the canonical post."""
    rng = np.random.default_rng(3)
    names = [f"p{i}" for i in range(300)]
    pairs = [(f"p{a}", f"p{b}") for a, b in rng.integers(0, 300, size=(220, 2)) if a != b]
    kinds = rng.choice(["url", "bytes", "text"], size=len(pairs)).tolist()
    edges = pa.table([[a for a, _ in pairs], [b for _, b in pairs], kinds, [1.0] * len(pairs)], schema=EDGES)
    posts = pa.table(
        {"post_id": names, "likes": rng.integers(0, 9, 300), "created_at": pa.nulls(300, pa.timestamp("us", "UTC"))}
    )
    rows = {r["post_id"]: r for r in duplicates(posts, edges).to_pylist()}
    verified = {frozenset(p): set() for p in pairs} | {}
    for pair, kind in zip(pairs, kinds, strict=True):
        verified[frozenset(pair)].add(kind)
    for name, row in rows.items():
        steps = 0
        while row["witness"] is not None:
            assert row["evidence"] in verified[frozenset([row["post_id"], row["witness"]])]
            assert rows[row["witness"]]["canonical_id"] == row["canonical_id"]
            row, steps = rows[row["witness"]], steps + 1
            assert steps < 300
        assert row["post_id"] == rows[name]["canonical_id"]


def test_components_of_a_long_chain() -> None:
    order = np.random.default_rng(1).permutation(20_000)
    labels = components(20_002, order[:-1], order[1:])
    assert labels[:20_000].tolist() == [0] * 20_000
    assert labels[20_000:].tolist() == [20_000, 20_001]


def test_an_edge_to_an_absent_post_is_an_error() -> None:
    posts = pa.table({"post_id": ["a"], "likes": [1], "created_at": pa.nulls(1, pa.timestamp("us", "UTC"))})
    edges = pa.table([["a"], ["gone"], ["url"], [1.0]], schema=EDGES)
    with pytest.raises(ContractError, match="a - gone"):
        duplicates(posts, edges)


def test_nothing_in_nothing_out() -> None:
    assert run(posts_of(), media_of({})) == {}
