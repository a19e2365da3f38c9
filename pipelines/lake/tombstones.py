"""Tombstones: keyed hashes of what was forgotten, from which nothing can be told without the lake's key.

`forget` leaves them, ingest obeys them, the search for remains compares with them. They are one file, named by its
content, and an input of the ingested tables' manifests.
"""

from __future__ import annotations

import hashlib
import hmac
from collections.abc import Iterable
from dataclasses import dataclass, replace
from functools import cached_property
from typing import TYPE_CHECKING, Literal

import pyarrow as pa
import pyarrow.compute as pc

from pipelines.lake.reader import Lake
from pipelines.storage import Store
from schemas.errors import LakeError
from schemas.manifest import Input, Manifest, Record

if TYPE_CHECKING:
    # Reading a lake must not need the packages that reading dumps needs.
    from pipelines.sources.tables import Tables

SOURCE = "tombstones"
Kind = Literal["post", "comment", "author"]
_HEX_DIGITS = 32


class Tombstones(Record):
    """Sorted keyed hashes: of post ids, of comment ids, of author tokens; 32 hex digits each."""

    posts: tuple[str, ...] = ()
    comments: tuple[str, ...] = ()
    authors: tuple[str, ...] = ()

    def __or__(self, other: Tombstones) -> Tombstones:
        return Tombstones(
            posts=tuple(sorted({*self.posts, *other.posts})),
            comments=tuple(sorted({*self.comments, *other.comments})),
            authors=tuple(sorted({*self.authors, *other.authors})),
        )

    def save(self, store: Store) -> Input:
        """Write the file, and say how manifests name it."""
        data = self.to_json()
        digest = hashlib.sha256(data).hexdigest()
        path = f"{SOURCE}/{digest[:16]}.json"
        store.put(path, data)
        return Input(name=path, source=SOURCE, size=len(data), sha256=digest)


def bury(key: bytes, *, posts: Iterable[str], comments: Iterable[str], authors: Iterable[str]) -> Tombstones:
    """Tombstones of post ids, comment ids and author tokens."""
    return Tombstones(
        posts=tuple(sorted({_hash(key, "post", value) for value in posts})),
        comments=tuple(sorted({_hash(key, "comment", value) for value in comments})),
        authors=tuple(sorted({_hash(key, "author", value) for value in authors})),
    )


def tombstones_input(manifest: Manifest | None) -> Input | None:
    """The file that an ingested table was made under; None if nothing was ever forgotten."""
    found = [entry for entry in manifest.inputs if entry.source == SOURCE] if manifest else []
    return found[-1] if found else None


def read_tombstones(lake: Lake) -> Tombstones:
    """The tombstones of the lake's version; empty ones if nothing was ever forgotten."""
    entry = tombstones_input(lake.manifest("posts"))
    if entry is None:
        return Tombstones()
    where = lake.store.full(entry.name)
    try:
        data = lake.store.read(entry.name)
    except FileNotFoundError as error:
        raise LakeError("tombstones are missing", where=where) from error
    found = hashlib.sha256(data).hexdigest()
    if found != entry.sha256:
        raise LakeError("tombstones were changed", where=where, field="sha256", expected=entry.sha256, got=found)
    return Tombstones.from_json(data, where=where)


def _hash(key: bytes, kind: Kind, value: str) -> str:
    # The kind goes in: a post and a comment of Reddit may have the same id.
    return hmac.digest(key, f"{kind} {value}".encode(), "sha256").hex()[:_HEX_DIGITS]


@dataclass(frozen=True)
class Graves:
    """Tombstones with the key that reads them."""

    key: bytes
    tombstones: Tombstones

    @cached_property
    def _sets(self) -> dict[Kind, frozenset[str]]:
        stones = self.tombstones
        return {
            "post": frozenset(stones.posts),
            "comment": frozenset(stones.comments),
            "author": frozenset(stones.authors),
        }

    def __bool__(self) -> bool:
        return any(self._sets.values())

    def holds(self, kind: Kind, value: str) -> bool:
        return bool(self._sets[kind]) and _hash(self.key, kind, value) in self._sets[kind]

    def mask(self, kind: Kind, values: pa.Array | pa.ChunkedArray) -> pa.Array:
        """True where the value was forgotten, shape (rows,); false for null. Each distinct value is hashed once."""
        if not self._sets[kind] or len(values) == 0:
            return pa.repeat(pa.scalar(False), len(values))
        whole = values.combine_chunks() if isinstance(values, pa.ChunkedArray) else values
        encoded = pc.dictionary_encode(whole)
        hits = pa.array([self.holds(kind, value) for value in encoded.dictionary.to_pylist()], pa.bool_())
        return pc.fill_null(pc.take(hits, encoded.indices), False)


def obey(tables: Tables, graves: Graves) -> tuple[Tables, dict[str, int]]:
    """The rows that may enter the lake, and how many posts and comments may not; what is said row by row.

    A post goes by its own id or its author's token, a comment by its own id, its post's id or its author's token. An
    answer to a forgotten comment stays, without its `parent_id`.
    """
    authors, posts, comments = tables.authors, tables.posts, tables.comments
    written = authors.filter(graves.mask("author", authors["token"]))["id"].combine_chunks()
    lost_posts = pc.or_(graves.mask("post", posts["post_id"]), pc.is_in(posts["post_id"], written))
    lost_comments = pc.or_(
        pc.or_(graves.mask("comment", comments["comment_id"]), graves.mask("post", comments["post_id"])),
        pc.is_in(comments["comment_id"], written),
    )
    gone = pa.concat_arrays(
        [
            posts["post_id"].filter(lost_posts).combine_chunks(),
            comments["comment_id"].filter(lost_comments).combine_chunks(),
        ]
    )
    kept = replace(
        tables,
        posts=posts.filter(pc.invert(lost_posts)),
        comments=without_parents(comments.filter(pc.invert(lost_comments)), graves),
        authors=authors.filter(pc.invert(pc.is_in(authors["id"], gone))),
    )
    counts = {
        "posts": posts.num_rows - kept.posts.num_rows,
        "comments": comments.num_rows - kept.comments.num_rows,
    }
    return kept, counts


def without_parents(comments: pa.Table, graves: Graves) -> pa.Table:
    """The comments, `parent_id` null where the parent was forgotten."""
    hit = graves.mask("comment", comments["parent_id"])
    index = comments.schema.get_field_index("parent_id")
    cleared = pc.if_else(hit, pa.scalar(None, pa.string()), comments["parent_id"])
    return comments.set_column(index, comments.schema.field(index), cleared)
