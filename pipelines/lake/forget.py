"""The pure half of `forget`: which rows must go, table by table, and a bucket's rows without them.

`find` runs on the driver and reads key columns only; `strip` is done bucket by bucket by `ray_jobs.forget`.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.dataset as ds

from pipelines.lake.buckets import bucket_of
from pipelines.lake.reader import Lake

WITHHELD = "withheld: it named something forgotten"


@dataclass(frozen=True)
class Wanted:
    """What shall be forgotten, as the user said it."""

    ids: frozenset[str] = frozenset()
    """Ids of posts or comments."""
    authors: frozenset[str] = frozenset()
    """`<platform>:<author id, else name>`."""
    tokens: frozenset[str] = frozenset()
    """The authors under the lake's key."""


@dataclass(frozen=True)
class Targets:
    """All values that must not stay, with what they drag along."""

    posts: frozenset[str]
    comments: frozenset[str]
    tokens: frozenset[str]
    urls: frozenset[str]
    """Links that no other accepted post has."""
    media: frozenset[str]
    """Objects that no other link leads to."""
    texts: frozenset[str]
    """SHA-256 of the comments' texts; table `scores` has rows by it."""
    names: frozenset[str]
    """What a piece in quarantine may call them: native ids, author names."""
    buckets: dict[str, frozenset[int]]
    """By table, the buckets that hold such values."""
    unknown: frozenset[str]
    """Of the wanted ids and tokens, those that no row has."""

    def columns(self, table: str) -> dict[str, frozenset[str]]:
        """By column, the values whose rows go."""
        rules: dict[str, dict[str, frozenset[str]]] = {
            "posts": {"post_id": self.posts},
            "comments": {"comment_id": self.comments, "post_id": self.posts},
            "authors": {"id": self.posts | self.comments},
            "fetches": {"url": self.urls},
            "media": {"media_id": self.media},
            "keyframes": {"media_id": self.media},
            "scores": {"text_hash": self.texts},
        }
        return rules.get(table, {})


REWRITTEN = ("posts", "comments", "authors", "quarantine", "fetches", "media", "keyframes", "scores")
"""Tables that `strip` is for; the others are made anew from these."""


def find(lake: Lake, wanted: Wanted) -> Targets:
    """Follow what was named through all tables of the version: a post takes its comments, media, links."""
    written = _values(lake, "authors", "id", token=wanted.tokens)
    named = wanted.ids | written
    under = _values(lake, "comments", "comment_id", post_id=named, rejected=True)
    own = _values(lake, "comments", "comment_id", comment_id=named, rejected=True)
    there = _values(lake, "posts", "post_id", post_id=named, rejected=True)
    posts, comments = wanted.ids | there, wanted.ids | under | own
    seen = there | own | _values(lake, "comments", "post_id", post_id=wanted.ids, rejected=True)
    urls = _unshared_urls(lake, posts)
    media = _unshared_media(lake, urls)
    texts = _values(lake, "comments", "text", comment_id=comments) if lake.manifest("scores") else frozenset()
    hashes = frozenset(hashlib.sha256(text.encode()).hexdigest() for text in texts)
    touched = {
        "posts": posts,
        "comments": posts
        | _values(lake, "comments", "post_id", comment_id=comments, rejected=True)
        | _values(lake, "comments", "post_id", parent_id=comments, rejected=True),
        "authors": posts | comments,
        "fetches": urls,
        "media": media,
        "keyframes": media,
        "scores": hashes,
    }
    number = lake.settings.buckets
    buckets = {name: frozenset(bucket_of(value, number) for value in values) for name, values in touched.items()}
    return Targets(
        posts=posts,
        comments=comments,
        tokens=wanted.tokens,
        urls=urls,
        media=media,
        texts=hashes,
        names=frozenset(value.partition(":")[2] for value in posts | comments | wanted.authors),
        buckets=buckets | {"quarantine": frozenset(range(number))},
        unknown=(wanted.ids - seen) | (wanted.tokens - _values(lake, "authors", "token", token=wanted.tokens)),
    )


def count(lake: Lake, targets: Targets) -> dict[str, int]:
    """Rows, accepted and rejected, that each table of `REWRITTEN` would lose; tables that lose none are left out."""
    found = {}
    for table in REWRITTEN:
        manifest, rules = lake.manifest(table), targets.columns(table)
        if manifest is None or not rules:
            continue
        gone = [ds.field(column).isin(pa.array(sorted(values), pa.string())) for column, values in rules.items()]
        either = gone[0] if len(gone) == 1 else gone[0] | gone[1]
        rows = lake.dataset(table, manifest.shards).count_rows(filter=either)
        rows += lake.dataset(table, manifest.rejected_shards, rejected=True).count_rows(filter=either)
        if rows:
            found[table] = rows
    return found


def _values(lake: Lake, table: str, column: str, *, rejected: bool = False, **where: frozenset[str]) -> frozenset[str]:
    """Distinct values of a column in the rows where another has one of the given values; nulls are left out."""
    ((by, among),) = where.items()
    manifest = lake.manifest(table)
    if manifest is None or not among:
        return frozenset()
    condition = ds.field(by).isin(pa.array(sorted(among), pa.string()))
    parts = [lake.dataset(table, manifest.shards)]
    if rejected:
        parts.append(lake.dataset(table, manifest.rejected_shards, rejected=True))
    found: set[str] = set()
    for part in parts:
        found.update(part.to_table(columns=[column], filter=condition)[column].drop_null().unique().to_pylist())
    return frozenset(found)


def _urls(lake: Lake, condition: ds.Expression) -> Iterator[pa.Array]:
    manifest = lake.manifest("posts")
    assert manifest is not None
    for batch in lake.dataset("posts", manifest.shards).to_batches(columns=["media"], filter=condition):
        yield pc.struct_field(pc.list_flatten(batch.column(0)), "url").drop_null()


def _unshared_urls(lake: Lake, posts: frozenset[str]) -> frozenset[str]:
    """Links of the posts' media that no other accepted post has."""
    if lake.manifest("posts") is None or not posts:
        return frozenset()
    gone = ds.field("post_id").isin(pa.array(sorted(posts), pa.string()))
    candidates = {url for urls in _urls(lake, gone) for url in urls.to_pylist()}
    if not candidates:
        return frozenset()
    among = pa.array(sorted(candidates), pa.string())
    for urls in _urls(lake, ~gone):
        candidates -= set(urls.filter(pc.is_in(urls, among)).to_pylist())
    return frozenset(candidates)


def _unshared_media(lake: Lake, urls: frozenset[str]) -> frozenset[str]:
    """Objects to which only these links lead."""
    candidates = _values(lake, "fetches", "media_id", url=urls)
    if not candidates:
        return frozenset()
    manifest = lake.manifest("fetches")
    assert manifest is not None
    other = ~ds.field("url").isin(pa.array(sorted(urls), pa.string()))
    among = ds.field("media_id").isin(pa.array(sorted(candidates), pa.string()))
    rows = lake.dataset("fetches", manifest.shards).to_table(columns=["media_id"], filter=other & among)
    return candidates - set(rows["media_id"].to_pylist())


def strip(table: str, rows: pa.Table, targets: Targets) -> pa.Table:
    """The rows of a bucket that stay, in their order, freed of what they say about those that go."""
    if table == "quarantine":
        return _withhold(rows, targets.names)
    for column, values in targets.columns(table).items():
        rows = rows.filter(pc.invert(_among(rows[column], values)))
    if table == "comments":
        index = rows.schema.get_field_index("parent_id")
        hit = _among(rows["parent_id"], targets.comments)
        cleared = pc.if_else(hit, pa.scalar(None, pa.string()), rows["parent_id"])
        rows = rows.set_column(index, rows.schema.field(index), cleared)
    return rows


def _among(column: pa.ChunkedArray, values: Iterable[str]) -> pa.ChunkedArray:
    return pc.is_in(column, pa.array(sorted(values), pa.string()))


def _withhold(rows: pa.Table, names: frozenset[str]) -> pa.Table:
    """Pieces that could not be read: what they hold is not known, so a name found in one costs its bytes."""
    if rows.num_rows == 0 or not any(names):
        return rows
    words = b"|".join(re.escape(name.encode()) for name in sorted(names) if name)
    name = re.compile(rb"(?<![\w-])(?:" + words + rb")(?![\w-])")
    raw = [None if piece is None or name.search(piece) else piece for piece in rows["raw"].to_pylist()]
    errors = [WITHHELD if name.search(text.encode()) else text for text in rows["error"].to_pylist()]
    for column, values in (("raw", raw), ("error", errors)):
        index = rows.schema.get_field_index(column)
        rows = rows.set_column(index, rows.schema.field(index), pa.array(values, rows.schema.field(index).type))
    return rows
