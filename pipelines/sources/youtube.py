"""YouTube: Data API v3 responses, yt-dlp info.json and CSV exports, told apart by content. Called by ingest."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from functools import partial
from typing import Any, BinaryIO

import msgspec
from pydantic import Field

from pipelines.sources import youtube_api, youtube_csv, ytdlp
from pipelines.sources.batch import Author, Batch, Context, Row
from pipelines.sources.decoding import DECODE_ERRORS, explain
from pipelines.sources.lines import Block
from pipelines.sources.origin import Origin
from pipelines.sources.reading import Content, read_document, read_lines, refuse_foreign
from pipelines.sources.source import Source
from pipelines.sources.tables import RecordError, Tables, Words, refusal
from pipelines.sources.youtube_items import Item, items_of, strangeness, table_of

EXPECTED = "YouTube API responses, yt-dlp info.json or a CSV export"


class YouTube(Source):
    """Reads `youtube:` inputs. A record is a video, or each comment of a thread or info.json, or each row of a CSV."""

    trending_year: int = Field(default=2017, ge=2005, le=2100)
    """The year of CSV dates like 13.09, which give none; the public set of that form is of autumn 2017."""

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
        elif content.may_be_document:
            yield read_document(content, origin, self, EXPECTED, partial(self._document, context=context))
        else:
            limit = self.max_record_bytes
            yield from youtube_csv.read_csv(content, context, EXPECTED, year=self.trending_year, limit=limit)

    def table_of(self, line: bytes) -> str | None:
        """The ledger table of a line's first record; what `plan_chunks` asks for."""
        return table_of(line)

    def strange_lines(self, lines: Iterable[bytes]) -> str | None:
        """What the lines hold if none of it is a video or a comment; what `plan_chunks` asks for."""
        return strangeness(lines)

    def _document(self, data: bytes, offset: int, context: Context) -> Tables | str:
        """The tables of a JSON document over several lines, or what it is instead."""
        items = list(items_of(data, offset))
        if items and all(item.strange for item in items):
            return items[0].strange
        batch = Batch(context)
        for item in items:
            _take(batch, item, "posts")
        return batch.tables()

    def _block(self, block: Block, default: str, context: Context) -> Tables:
        batch = Batch(context)
        for line, start in zip(block.lines, block.offsets.tolist(), strict=True):
            if not line.strip():
                continue
            try:
                items = list(items_of(line, start))
            except DECODE_ERRORS as error:
                batch.meet(default, len(line))
                batch.lose(default, start, line, explain(error))
                continue
            for item in items:
                _take(batch, item, default)
        return batch.tables()


def _take(batch: Batch, item: Item, default: str) -> None:
    """Turn one item into a row or a fault."""
    table = item.table or default
    batch.meet(table, len(item.data))
    try:
        if item.strange:
            raise RecordError("kind", youtube_api.EXPECTED, Words(item.strange))
        row, author = _row(item)
    except RecordError as error:
        batch.lose(table, item.start, item.data, str(error))
    except DECODE_ERRORS as error:
        batch.lose(table, item.start, item.data, explain(error))
    else:
        batch.add(table, row, author, item.start)


def _row(item: Item) -> tuple[Row, Author | None]:
    record: Any = msgspec.json.decode(item.data)
    if not isinstance(record, dict):
        raise RecordError("record", "an object", record)
    makers: dict[str, Callable[[], tuple[Row, Author | None]]] = {
        "video": lambda: youtube_api.video_row(record),
        "comment": lambda: youtube_api.comment_row(record, item.around, is_reply=False),
        "reply": lambda: youtube_api.comment_row(record, item.around, is_reply=True),
        "ytdlp_video": lambda: ytdlp.video_row(record),
        "ytdlp_comment": lambda: ytdlp.comment_row(record, item.around or {}),
    }
    return makers[item.form]()
