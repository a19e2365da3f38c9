"""Decoded Reddit records as columns of posts and comments. Called by `reddit` once per block."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from operator import attrgetter
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from pipelines.sources.authors import DELETED_NAMES, Accounts, bucket, bucket_key, tokens
from pipelines.sources.decoding import DECODE_ERRORS, explain
from pipelines.sources.origin import Origin
from pipelines.sources.reddit_ids import id_texts, ids, parents
from pipelines.sources.reddit_media import media_of
from pipelines.sources.reddit_records import Comment, Post
from pipelines.sources.tables import RecordError
from pipelines.sources.values import Errors, boolean, booleans, count, epochs, integers, micros, real, strings
from schemas import AUTHORS, COMMENTS, POSTS
from schemas.contract import conform
from schemas.posts import MEDIUM
from schemas.table import TIMESTAMP

REMOVED_TEXTS = ("[deleted]", "[removed]", "[ Removed by Reddit ]", "[deleted by user]", "[removed by reddit]")
_REMOVED = pa.array([text.lower() for text in REMOVED_TEXTS])


Offsets = npt.NDArray[np.int64]


@dataclass(frozen=True)
class Rows:
    """Accepted rows, their authors, and what is wrong with the rest: index of the record -> error."""

    table: pa.Table
    authors: pa.Table
    errors: Errors


@dataclass(frozen=True)
class Context:
    """What every block of a file shares."""

    origin: Origin
    key: bytes
    accounts: Accounts


def comment_rows(records: Sequence[Comment], offsets: Sequence[int] | Offsets, context: Context) -> Rows:
    """The comments table of decoded comments; `offsets` are their places in the file."""
    errors: Errors = {}
    get = _getter(records)
    comment_id = ids(id_texts(_first(get("id"), lambda: get("name"))), "id", errors, required=True)
    post_id = ids(id_texts(get("link_id")), "link_id", errors, required=True)
    parent_id = parents(get("parent_id"), post_id, errors)
    author = strings(get("author"))
    columns = {
        "comment_id": comment_id,
        "post_id": post_id,
        "parent_id": parent_id,
        "by_poster": booleans(get("is_submitter"), "is_submitter", errors),
        "author_kind": context.accounts.kinds(author),
        "created_at": epochs(get("created_utc"), "created_utc", errors),
        "retrieved_at": _retrieved(get, context.origin, errors),
        "text": _texts(get("body")),
        "likes": _likes(get("score"), get("score_hidden"), "score_hidden", errors),
        "source_file": _repeat(context.origin.source_file, len(records)),
        "source_offset": pa.array(offsets, pa.int64()),
    }
    whos = _author_keys(author, strings(get("author_fullname")))
    return _close(columns, whos, "comment_id", COMMENTS, errors, context)


def post_rows(records: Sequence[Post], offsets: Sequence[int] | Offsets, context: Context) -> Rows:
    """The posts table of decoded submissions."""
    errors: Errors = {}
    get = _getter(records)
    author, fullname = get("author"), get("author_fullname")
    singles = [_single(record, row, errors) for row, record in enumerate(records)]
    whos = [bucket_key("reddit", f, a) if a else None for f, a in zip(fullname, author, strict=True)]
    columns = {
        "post_id": ids(id_texts(_first(get("id"), lambda: get("name"))), "id", errors, required=True),
        "platform": _repeat("reddit", len(records)),
        "category": strings(get("link_flair_text")),
        "created_at": epochs(get("created_utc"), "created_utc", errors),
        "retrieved_at": _retrieved(get, context.origin, errors),
        "title": _texts(get("title")),
        "text": _texts(get("selftext")),
        "nsfw": booleans(get("over_18"), "over_18", errors),
        "author_kind": context.accounts.kinds(strings(author)),
        "author_bucket": pa.array([bucket(who) for who in whos], pa.int16()),
        "likes": _likes(get("score"), get("hide_score"), "hide_score", errors),
        "source_file": _repeat(context.origin.source_file, len(records)),
        "source_offset": pa.array(offsets, pa.int64()),
        **{name: pa.array([s.get(name) for s in singles], kind) for name, kind in _SINGLE_TYPES.items()},
    }
    known = strings([a or None for a in author])
    return _close(columns, _author_keys(known, strings(fullname)), "post_id", POSTS, errors, context)


_SINGLE_TYPES = {
    "community": pa.string(),
    "permalink": pa.string(),
    "url": pa.string(),
    "removed": pa.bool_(),
    "media": pa.list_(MEDIUM),
    "duration_seconds": pa.float64(),
    "upvote_ratio": pa.float64(),
    "views": pa.int64(),
    "num_comments": pa.int64(),
    "audience_size": pa.int64(),
}


def _single(post: Post, row: int, errors: Errors) -> dict[str, Any]:
    """The columns of one submission that depend on several of its fields."""
    try:
        media, duration = media_of(post)
        profile = is_profile(post.subreddit, post.subreddit_type)
        link = post.url_overridden_by_dest or post.url
        shown = None if profile or not post.permalink or names_profile(post.permalink) else post.permalink
        return {
            "community": None if profile else post.subreddit,
            "permalink": "https://www.reddit.com" + shown if shown and shown.startswith("/") else shown,
            "url": _outside(post, link),
            "removed": _was_removed(post),
            "media": [m for m in media if not names_profile(m["url"])],
            "duration_seconds": real(duration, "media.reddit_video.duration"),
            "upvote_ratio": real(post.upvote_ratio, "upvote_ratio"),
            "views": count(post.view_count, "view_count"),
            "num_comments": count(post.num_comments, "num_comments"),
            "audience_size": count(post.subreddit_subscribers, "subreddit_subscribers"),
        }
    except RecordError as error:
        errors.setdefault(row, str(error))
    except DECODE_ERRORS as error:
        errors.setdefault(row, f"preview.{explain(error)}")
    return {}


def is_profile(subreddit: str | None, kind: str | None) -> bool:
    """Whether the community is a user's own page, whose name is the user's."""
    return kind == "user" or (subreddit or "").lower().startswith("u_")


def names_profile(url: str) -> bool:
    """Whether a link leads to a Reddit user's page and so holds a user name."""
    lowered = url.lower()
    inside = lowered.startswith("/") or "reddit.com/" in lowered
    return inside and any(part in lowered for part in ("/user/", "/u/", "/r/u_"))


def _outside(post: Post, link: str | None) -> str | None:
    """What the post links to; None for a self post, whose url is itself."""
    itself = bool(link and post.permalink and link.endswith(post.permalink))
    is_self = boolean(post.is_self, "is_self") or (post.domain or "").startswith("self.")
    if not link or itself or is_self or link in REMOVED_TEXTS or names_profile(link):
        return None
    return "https://www.reddit.com" + link if link.startswith("/") else link


def _was_removed(post: Post) -> bool:
    gone = {text.lower() for text in REMOVED_TEXTS}
    marks = (post.removed_by_category, post.banned_by, post.meta.removal_type if post.meta else None)
    texts = (post.selftext, post.title)
    return any(mark not in (None, "", False) for mark in marks) or any((t or "").strip().lower() in gone for t in texts)


def _getter(records: Sequence[Any]) -> Callable[[str], list[Any]]:
    return lambda name: list(map(attrgetter(name), records))


def _first(values: list[Any], other: Callable[[], list[Any]]) -> list[Any]:
    if None not in values:
        return values
    return [a if a is not None else b for a, b in zip(values, other(), strict=True)]


def _texts(values: list[str | None]) -> pa.Array:
    texts = strings(values)
    gone = pc.or_(pc.is_in(pc.ascii_lower(texts), _REMOVED), pc.equal(texts, ""))
    return pc.if_else(pc.fill_null(gone, False), pa.scalar(None, pa.string()), texts)


def _likes(values: list[Any], hidden: list[Any], hidden_field: str, errors: Errors) -> pa.Array:
    score = integers(values, "score", errors)
    is_hidden = pc.fill_null(booleans(hidden, hidden_field, errors), False)
    return pc.if_else(is_hidden, pa.scalar(None, pa.int64()), score)


def _retrieved(get: Callable[[str], list[Any]], origin: Origin, errors: Errors) -> pa.Array:
    """The latest retrieval that the record tells, else the file's."""
    metas = get("meta")
    times = [epochs(get(name), name, errors) for name in ("retrieved_on", "retrieved_utc")]
    if metas.count(None) < len(metas):
        second = [meta.retrieved_2nd_on if meta else None for meta in metas]
        times.insert(0, epochs(second, "_meta.retrieved_2nd_on", errors))
    fallback = pa.scalar(micros(origin.retrieved_at), pa.int64()).cast(TIMESTAMP)
    return pc.coalesce(*times, fallback)


def _repeat(value: str, times: int) -> pa.Array:
    return pa.repeat(pa.scalar(value, pa.string()), times)


def _author_keys(names: pa.Array, fullnames: pa.Array) -> pa.StructArray:
    """Two columns: whether an author field is given, and the `author_key` (null for a deleted one)."""
    given = pc.and_(pc.is_valid(names), pc.not_equal(names, ""))
    deleted = pc.is_in(names, pa.array(sorted(DELETED_NAMES)))
    who = pc.coalesce(pc.if_else(pc.equal(fullnames, ""), pa.scalar(None, pa.string()), fullnames), names)
    keyed = pc.binary_join_element_wise("reddit:", who, "")
    usable = pc.and_(pc.fill_null(given, False), pc.invert(deleted))
    keyed = pc.if_else(usable, keyed, pa.scalar(None, pa.string()))
    return pa.StructArray.from_arrays([pc.fill_null(given, False), keyed], ["given", "key"])


def _close(
    columns: dict[str, Any], whos: pa.StructArray, id_column: str, contract: Any, errors: Errors, context: Context
) -> Rows:
    table = pa.table(columns)
    given, keys = whos.field("given"), whos.field("key")
    if errors:
        keep = np.ones(len(table), bool)
        keep[list(errors)] = False
        mask = pa.array(keep)
        table, given, keys = table.filter(mask), given.filter(mask), keys.filter(mask)
    authors = pa.table({"id": table[id_column], "token": tokens(context.key, keys)}).filter(given)
    return Rows(conform(table, contract), conform(authors, AUTHORS), errors)
