"""jsonl: JSON lines in the lake's own field names, for a platform that has no reader yet. Called by ingest."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator
from functools import partial
from pathlib import PurePosixPath
from typing import Any, BinaryIO

import msgspec
from pydantic import Field

from pipelines.sources.batch import Author, Batch, Context, Row
from pipelines.sources.decoding import DECODE_ERRORS, explain
from pipelines.sources.lines import Block
from pipelines.sources.origin import Origin
from pipelines.sources.reading import Content, read_lines, refuse_foreign
from pipelines.sources.sniff import decode_any
from pipelines.sources.source import Source
from pipelines.sources.tables import RecordError, Tables, Words, refusal
from pipelines.sources.values import boolean, count, instant, integer, real, string
from schemas.posts import MEDIA_KINDS

EXPECTED = "JSON lines in the lake's field names"

_ID = re.compile(r"(?P<platform>[a-z0-9][a-z0-9_-]{0,31}):(?P<native>[^\s\x00-\x1f]{1,256})")
_DECODER = msgspec.json.Decoder()

Check = Callable[[Any, str], Any]


class Jsonl(Source):
    """Reads `jsonl:` inputs. A line with `comment_id` is a comment, any other a post."""

    media_root: str | None = Field(default=None)
    """The folder in which relative media paths lie; an absolute path is let pass only inside it."""

    def read(self, stream: BinaryIO, origin: Origin, key: bytes) -> Iterator[Tables]:
        """Tables of bounded size, in the order of the file; `key` is the lake's secret for author tokens."""
        content = Content(stream, origin)
        context = Context(origin, key, self.accounts(), self.keep_raw)
        if not origin.is_chunk and (refused := refuse_foreign(content, origin, EXPECTED)):
            yield refused
        elif origin.is_chunk or content.is_lines:
            if not origin.is_chunk and (got := self.strange_lines(content.json_lines())):
                yield refusal(origin, f"expected {EXPECTED}, got {got}")
                return
            yield from read_lines(content, origin, self, table_of, partial(self._block, context=context))
        else:
            yield refusal(origin, f"expected {EXPECTED}, got text of another form")

    def table_of(self, line: bytes) -> str | None:
        """The ledger table of a line; what `plan_chunks` asks for."""
        return table_of(line)

    def strange_lines(self, lines: Iterable[bytes]) -> str | None:
        """What the lines hold if none is in the lake's field names; what `plan_chunks` asks for."""
        found = [table_of(line) for line in lines]
        return "JSON without post_id and comment_id" if found and not any(found) else None

    def _block(self, block: Block, default: str, context: Context) -> Tables:
        batch = Batch(context)
        for line, start in zip(block.lines, block.offsets.tolist(), strict=True):
            if not line.strip():
                continue
            table, made, error = self._line(line, default)
            batch.meet(table, len(line))
            if made is None:
                batch.lose(table, start, line, error)
            else:
                batch.add(table, *made, start)
        return batch.tables()

    def _line(self, line: bytes, default: str) -> tuple[str, tuple[Row, Author | None] | None, str]:
        table = default
        try:
            value = _DECODER.decode(line)
            table = _table(value) or default
            return table, self._row(value, table), ""
        except RecordError as error:
            return table, None, str(error)
        except DECODE_ERRORS as error:
            return table, None, explain(error)

    def _row(self, value: Any, table: str) -> tuple[Row, Author | None]:
        if not isinstance(value, dict):
            raise RecordError("record", "an object", value)
        checks = _COMMENT_FIELDS if table == "comments" else _POST_FIELDS
        for name in value:
            if name not in checks and name not in _AUTHOR_FIELDS:
                raise RecordError(name, f"a field of {table}", Words("an unknown field"))
        row = {name: check(value[name], name) for name, check in checks.items() if value.get(name) is not None}
        platform = _platform(row, "comment_id" if table == "comments" else "post_id")
        if table == "comments" and _platform(row, "post_id") != platform:
            raise RecordError("post_id", f"an id of {platform}", row["post_id"])
        if table == "posts":
            if row.setdefault("platform", platform) != platform:
                raise RecordError("platform", platform, row["platform"])
            row["media"] = [self._medium(medium, at) for at, medium in enumerate(row.get("media") or [])]
        return row, _author(value, platform)

    def _medium(self, medium: Any, at: int) -> dict[str, str]:
        where = f"media[{at}]"
        if not isinstance(medium, dict) or set(medium) - {"kind", "url"}:
            raise RecordError(where, "an object of kind and url", medium)
        if medium.get("kind") not in MEDIA_KINDS:
            raise RecordError(f"{where}.kind", " or ".join(MEDIA_KINDS), medium.get("kind"))
        url = string(medium.get("url"), f"{where}.url")
        if not url:
            raise RecordError(f"{where}.url", "a url or a path", url)
        return {"kind": medium["kind"], "url": self._inside(url, f"{where}.url")}

    def _inside(self, url: str, field: str) -> str:
        """A url as it is; a path relative to the media root, within which it must stay."""
        if re.match(r"(?i)https?://", url):
            return url
        if "://" in url or "\0" in url or "\\" in url:
            raise RecordError(field, "an http url or a path inside the media root", url)
        path = PurePosixPath(url)
        if path.is_absolute():
            root = PurePosixPath(self.media_root) if self.media_root else None
            if root is None or not path.is_relative_to(root):
                raise RecordError(field, "a path inside the media root", Words("a path outside"))
            path = path.relative_to(root)
        if ".." in path.parts or not path.parts:
            raise RecordError(field, "a path inside the media root", Words("a path outside"))
        return str(path)


def table_of(line: bytes) -> str | None:
    """comments for an object with `comment_id`, posts for one with `post_id`, else None."""
    return _table(decode_any(line))


def _table(value: Any) -> str | None:
    if not isinstance(value, dict):
        return None
    return "comments" if "comment_id" in value else "posts" if "post_id" in value else None


def _platform(row: Row, field: str) -> str:
    match = _ID.fullmatch(row.get(field) or "")
    if match is None:
        raise RecordError(field, "<platform>:<native id>", row.get(field))
    return match["platform"]


def _author(value: dict[str, Any], platform: str) -> Author | None:
    name = string(value.get("author"), "author")
    author_id = value.get("author_id")
    author_id = string(str(author_id) if isinstance(author_id, int) else author_id, "author_id")
    return Author(platform, author_id, name) if name or author_id else None


def _strings(value: Any, field: str) -> list[str]:
    if not isinstance(value, list):
        raise RecordError(field, "an array of strings", value)
    return [_required(item, f"{field}[{at}]") for at, item in enumerate(value)]


def _required(value: Any, field: str) -> str:
    text = string(value, field)
    if text is None:
        raise RecordError(field, "a string", None)
    return text


def _list(value: Any, field: str) -> list[Any]:
    if not isinstance(value, list):
        raise RecordError(field, "an array", value)
    return value


def _share(value: Any, field: str) -> float | None:
    number = real(value, field)
    if number is not None and not 0 <= number <= 1:
        raise RecordError(field, "a number within 0..1", value)
    return number


def _replay(value: Any, field: str) -> list[float]:
    heights = [_share(item, f"{field}[{at}]") for at, item in enumerate(_list(value, field))]
    if None in heights:
        raise RecordError(field, "numbers within 0..1", None)
    return [height for height in heights if height is not None]


def _length(value: Any, field: str) -> float | None:
    number = real(value, field)
    if number is not None and number < 0:
        raise RecordError(field, "seconds of 0 or more", value)
    return number


_AUTHOR_FIELDS = ("author", "author_id")
_COMMENT_FIELDS: dict[str, Check] = {
    "comment_id": string,
    "post_id": string,
    "parent_id": string,
    "by_poster": boolean,
    "created_at": instant,
    "retrieved_at": instant,
    "text": string,
    "likes": integer,
}
_POST_FIELDS: dict[str, Check] = {
    "post_id": string,
    "platform": string,
    "community": string,
    "channel_id": string,
    "category": string,
    "tags": _strings,
    "created_at": instant,
    "retrieved_at": instant,
    "title": string,
    "text": string,
    "url": string,
    "permalink": string,
    "nsfw": boolean,
    "removed": boolean,
    "media": _list,
    "duration_seconds": _length,
    "transcript": string,
    "likes": integer,
    "upvote_ratio": _share,
    "views": count,
    "num_comments": count,
    "audience_size": count,
    "replay": _replay,
}
