"""CSV exports of YouTube: trending videos, videos with counts, comments with or without ids. Called by `youtube`.

A CSV is read from its start to its end in one piece: the id of a comment that has none depends on the rows before it.
"""

from __future__ import annotations

import csv
import hashlib
import re
from collections import Counter
from collections.abc import Iterator

from pipelines.sources.batch import Author, Batch, Context, Row
from pipelines.sources.csv_rows import Lines, RawRow, RowOrNot, TooLong, read_rows
from pipelines.sources.reading import Content
from pipelines.sources.tables import Fault, RecordError, Tables, Words, only_faults, refusal
from pipelines.sources.values import boolean, count, instant, real
from pipelines.sources.youtube_rows import category, comment_id, iso_duration, video_id, watch

# Every spelling of a column that exports are known to use; the first that is there is taken.
_COLUMNS = {
    "video": ("video_id", "videoid"),
    "comment": ("comment_id", "commentid", "cid"),
    "title": ("title", "video_title"),
    "body": ("comment_text", "text", "comment", "content"),
    "description": ("description",),
    "channel_id": ("channel_id", "channelid"),
    "channel": ("channel_title", "channel_name", "channeltitle"),
    "category": ("category_id", "categoryid"),
    "tags": ("tags",),
    "likes": ("likes", "like_count", "likecount"),
    "views": ("views", "view_count", "viewcount"),
    "comments": ("comment_total", "comment_count", "commentcount"),
    "published": ("published_at", "publish_time", "publishedat"),
    "seen": ("trending_date", "date"),
    "author": ("author", "author_name"),
    "author_id": ("author_channel_id", "author_id"),
    "parent": ("parent_id", "parent"),
    "removed": ("video_error_or_removed",),
    "duration": ("duration",),
}
_DAY_MONTH = re.compile(r"(\d{1,2})\.(\d{1,2})", re.ASCII)
_YEAR_DAY_MONTH = re.compile(r"(\d\d)\.(\d\d)\.(\d\d)", re.ASCII)


def read_csv(content: Content, context: Context, expected: str, *, year: int, limit: int) -> Iterator[Tables]:
    """The tables of a CSV with a header; a row that does not fit it, or is over `limit` bytes, goes to quarantine."""
    # The csv module's own limit of 128 KiB a field is below what descriptions may hold.
    csv.field_size_limit(max(csv.field_size_limit(), limit))
    source = Lines(content, limit)
    rows = read_rows(source)
    first = next(rows, ([], 0, b""))[0]
    header = first if isinstance(first, list) else []
    columns = _columns(header)
    if "video" not in columns or not {"title", "body"} & columns.keys() or source.is_open:
        yield refusal(context.origin, f"expected {expected}, got text without a known CSV header")
        return
    reader = _Reader(columns, len(header), year)
    batch = Batch(context)
    last: RawRow | None = None
    for row in rows:
        if last is not None:
            reader.take(batch, *last)
        last = row
        if batch.is_full:
            yield batch.tables()
            batch = Batch(context)
    fault = content.fault(context.origin)
    lost_at = source.offset
    if last is not None and fault and source.is_cut:
        lost_at = last[1]
    elif last is not None:
        reader.take(batch, *(_unclosed(last) if source.is_open else last))
    yield batch.tables()
    if fault:
        yield only_faults([Fault(reader.table, lost_at, None, None, fault)], context.origin, fault)
    elif source.is_open and last is not None:
        yield only_faults([], context.origin, f"the row at byte {last[1]} ends inside a quoted field")


def _unclosed(last: RawRow) -> RawRow:
    """The last row of a file that ends inside quotes: it may have swallowed many others."""
    row, start, piece = last
    if isinstance(row, TooLong):
        return last
    return RecordError("record", "a closing quote", Words("the end of the file")), start, piece


def _columns(header: list[str]) -> dict[str, int]:
    """Where each known column stands."""
    names = [name.strip().lower() for name in header]
    found = {}
    for column, spellings in _COLUMNS.items():
        for spelling in spellings:
            if spelling in names:
                found[column] = names.index(spelling)
                break
    return found


class _Reader:
    """Turns the rows of one file into posts or comments."""

    def __init__(self, columns: dict[str, int], width: int, year: int) -> None:
        self._columns, self._width, self._year = columns, width, year
        self._seen: Counter[bytes] = Counter()
        self.table = "posts" if "title" in columns and "comment" not in columns else "comments"

    def take(self, batch: Batch, row: RowOrNot, start: int, piece: bytes) -> None:
        """Add the row to the batch, as a row or as a fault."""
        if isinstance(row, TooLong):
            batch.pass_by(Fault(self.table, start, row.length, row.sha256, str(row)))
            return
        batch.meet(self.table, len(piece))
        try:
            fields = self._fields(row)
            made = self._post(fields) if self.table == "posts" else self._comment(fields)
        except RecordError as error:
            batch.lose(self.table, start, piece, str(error))
        else:
            batch.add(self.table, *made, start)

    def _fields(self, row: RowOrNot) -> dict[str, str | None]:
        if isinstance(row, RecordError | TooLong):
            raise row
        if isinstance(row, csv.Error):
            raise RecordError("record", "a CSV row", Words(row))
        if len(row) != self._width:
            raise RecordError("record", f"{self._width} fields", len(row))
        try:
            "".join(row).encode()
        except UnicodeEncodeError:
            raise RecordError("record", "UTF-8", Words("other bytes")) from None
        return {name: row[at] or None for name, at in self._columns.items()}

    def _post(self, fields: dict[str, str | None]) -> tuple[Row, Author | None]:
        get = fields.get
        row = watch(video_id(get("video"), "video_id")) | {
            "channel_id": get("channel_id"),
            "category": category(get("category"), "category_id"),
            "tags": _tags(get("tags")),
            "created_at": instant(get("published"), "published_at"),
            "retrieved_at": self._day(get("seen")),
            "title": get("title"),
            "text": get("description"),
            "removed": boolean(get("removed"), "video_error_or_removed"),
            "duration_seconds": _duration(get("duration")),
            "likes": count(get("likes"), "likes"),
            "views": count(get("views"), "views"),
            "num_comments": count(get("comments"), "comment_count"),
        }
        return row, _author(get("channel_id"), get("channel"))

    def _comment(self, fields: dict[str, str | None]) -> tuple[Row, Author | None]:
        get = fields.get
        video = video_id(get("video"), "video_id")
        native = get("comment")
        if "comment" not in self._columns:
            native = self._derived_id(video, get("body") or "")
        parent = get("parent")
        row: Row = {
            "comment_id": f"youtube:{comment_id(native, 'comment_id')}",
            "post_id": f"youtube:{video}",
            "parent_id": None if parent in (None, "root") else f"youtube:{comment_id(parent, 'parent_id')}",
            "created_at": instant(get("published") or get("seen"), "published_at"),
            "text": get("body"),
            "likes": count(get("likes"), "likes"),
        }
        return row, _author(get("author_id"), get("author"))

    def _derived_id(self, video: str, body: str) -> str:
        """`<video>.<16 hex>` of the text and of how often the video had the same text before it in the file."""
        text_hash = hashlib.sha256(f"{video}\0{body}".encode()).digest()
        self._seen[text_hash] += 1
        name = hashlib.sha256(f"{body}\0{self._seen[text_hash]}".encode()).hexdigest()
        return f"{video}.{name[:16]}"

    def _day(self, value: str | None) -> int | None:
        """Midnight UTC of the day on which the row was observed: 17.14.11 (year, day, month) or 13.09 (day, month)."""
        if value is None:
            return None
        if match := _YEAR_DAY_MONTH.fullmatch(value):
            return instant(f"20{match[1]}-{match[3]}-{match[2]}T00:00Z", "trending_date")
        if match := _DAY_MONTH.fullmatch(value):
            return instant(f"{self._year}-{int(match[2]):02}-{int(match[1]):02}T00:00Z", "date")
        if value.replace(".", "").isdigit():
            raise RecordError("date", "day.month", value)
        return instant(value if "T" in value or " " in value else f"{value}T00:00Z", "date")


def _author(author_id: str | None, name: str | None) -> Author | None:
    return Author("youtube", author_id, name) if author_id or name else None


def _tags(value: str | None) -> list[str] | None:
    """Tags between bars (trending exports) or commas; `[none]` stands for none."""
    if value is None or value == "[none]":
        return None
    parts = value.split("|" if "|" in value else ",")
    return [part for part in (raw.strip().strip('"').strip() for raw in parts) if part] or None


def _duration(value: str | None) -> float | None:
    if value is not None and value.startswith("P"):
        return iso_duration(value, "duration")
    return real(value, "duration")
