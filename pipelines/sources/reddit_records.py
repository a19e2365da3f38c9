"""The fields of Reddit records that the lake keeps, as the dumps of 2005 to 2026 spell them, and how one is decoded.

A field that drifted between types is declared with all of them; `values` makes one of them.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import msgspec

from pipelines.sources.decoding import DECODE_ERRORS
from pipelines.sources.tables import RecordError
from pipelines.sources.values import Scalar

Id = int | str | None


class Meta(msgspec.Struct, gc=False):
    """What Arctic Shift adds."""

    retrieved_2nd_on: Scalar = None
    removal_type: object = None


class Nested(msgspec.Struct, gc=False):
    """Stands for an object whose content does not matter here."""


class Comment(msgspec.Struct, gc=False, rename={"meta": "_meta"}):
    id: Id = None
    name: Id = None
    link_id: Id = None
    parent_id: Id = None
    author: str | None = None
    author_fullname: str | None = None
    is_submitter: Scalar = None
    created_utc: Scalar = None
    retrieved_on: Scalar = None
    retrieved_utc: Scalar = None
    meta: Meta | None = None
    body: str | None = None
    score: Scalar = None
    score_hidden: Scalar = None
    replies: str | Nested | None = None
    title: object = None


class Post(msgspec.Struct, gc=False, rename={"meta": "_meta"}):
    id: Id = None
    name: Id = None
    title: str | None = None
    selftext: str | None = None
    author: str | None = None
    author_fullname: str | None = None
    subreddit: str | None = None
    subreddit_type: str | None = None
    created_utc: Scalar = None
    retrieved_on: Scalar = None
    retrieved_utc: Scalar = None
    meta: Meta | None = None
    permalink: str | None = None
    url: str | None = None
    url_overridden_by_dest: str | None = None
    is_self: Scalar = None
    domain: str | None = None
    post_hint: str | None = None
    over_18: Scalar = None
    link_flair_text: str | None = None
    removed_by_category: Scalar = None
    banned_by: object = None
    score: Scalar = None
    hide_score: Scalar = None
    upvote_ratio: Scalar = None
    num_comments: Scalar = None
    subreddit_subscribers: Scalar = None
    view_count: Scalar = None
    media: object = None
    secure_media: object = None
    media_metadata: object = None
    gallery_data: object = None
    preview: msgspec.Raw = msgspec.Raw()
    crosspost_parent_list: object = None
    link_id: Id = None


class Probe(msgspec.Struct, gc=False):
    """Enough to tell what a JSON object is."""

    kind: object = None
    data: msgspec.Raw = msgspec.Raw()
    title: msgspec.Raw = msgspec.Raw()
    link_id: msgspec.Raw = msgspec.Raw()
    body: msgspec.Raw = msgspec.Raw()
    selftext: msgspec.Raw = msgspec.Raw()
    replies: msgspec.Raw = msgspec.Raw()


class Listing(msgspec.Struct, gc=False):
    children: list[msgspec.Raw]


COMMENT = msgspec.json.Decoder(Comment)
POST = msgspec.json.Decoder(Post)
_PROBE = msgspec.json.Decoder(Probe)
_LISTING = msgspec.json.Decoder(Listing)
_ARRAY = msgspec.json.Decoder(list[msgspec.Raw])
_ANY = msgspec.json.Decoder()


@dataclass(frozen=True)
class Piece:
    """One record of a line or document: its table ("posts", "comments", "" where it cannot be told) and its bytes."""

    table: str
    start: int
    data: bytes
    error: str = ""
    """Why it is no record, where that is known without decoding it."""


def expand(data: bytes, start: int = 0) -> Iterator[Piece]:
    """The records inside a JSON value, in order: itself, or those of an envelope, a listing, an array, nested replies.

    A `more` stub, which stands for comments that are not there, gives nothing; anything else is a piece.
    Raises one of DECODE_ERRORS where the value is not JSON.
    """
    lead = len(data) - len(data.lstrip())
    if data[lead : lead + 1] == b"[":
        yield from _children(_ARRAY.decode(data), data, start)
        return
    probe = _PROBE.decode(data)
    inner = bytes(probe.data)
    if isinstance(probe.kind, str) and inner[:1] == b"{":
        at = start + data.find(inner)
        if probe.kind == "Listing":
            yield from _children(_LISTING.decode(inner).children, inner, at)
        elif probe.kind in ("t1", "t3"):
            yield from _record(_PROBE.decode(inner), inner, at, "comments" if probe.kind == "t1" else "posts")
        elif probe.kind != "more":
            error = "" if _table(probe) else str(RecordError("kind", "Listing, t1, t3 or more", probe.kind))
            yield from _record(probe, data, start, _table(probe), error)
        return
    yield from _record(probe, data, start, _table(probe))


def _children(children: list[msgspec.Raw], data: bytes, start: int) -> Iterator[Piece]:
    at = 0
    for child in children:
        piece = bytes(child)
        at = data.find(piece, at)
        yield from expand(piece, start + at)
        at += len(piece)


def _record(probe: Probe, data: bytes, start: int, table: str, error: str = "") -> Iterator[Piece]:
    yield Piece(table, start, data, error)
    replies = bytes(probe.replies)
    if table == "comments" and replies[:1] == b"{":
        yield from expand(replies, start + data.find(replies))


def _table(probe: Probe) -> str:
    if _given(probe.title):
        return "posts"
    if _given(probe.link_id) or _given(probe.body):
        return "comments"
    return "posts" if _given(probe.selftext) else ""


def _given(value: msgspec.Raw) -> bool:
    return bytes(value) not in (b"", b"null")


def table_of(line: bytes) -> str | None:
    """The ledger table of the first record in a JSON value; None where it holds none."""
    try:
        return next((piece.table for piece in expand(line) if piece.table), None)
    except DECODE_ERRORS:
        return None


def is_unknown(line: bytes) -> bool:
    """Whether a JSON value holds things, and none of them is Reddit's."""
    try:
        tables = {piece.table for piece in expand(line)}
    except DECODE_ERRORS:
        return False
    return tables == {""}


def parse_any(raw: msgspec.Raw) -> Any:
    """The value of a field that was left undecoded; None where it is absent."""
    data = bytes(raw)
    return _ANY.decode(data) if data else None
