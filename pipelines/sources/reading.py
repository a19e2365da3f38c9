"""From a raw stream to blocks of JSON lines or one JSON document, and what is lost on the way. Used by the sources."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace
from itertools import chain
from typing import BinaryIO

from pipelines.sources.compression import Plain
from pipelines.sources.cutting import default_table
from pipelines.sources.decoding import DECODE_ERRORS, explain
from pipelines.sources.lines import Block, LongLine, blocks
from pipelines.sources.origin import Origin
from pipelines.sources.sniff import BOM, HEAD_BYTES, decode_any, foreign_format, is_json_lines, json_lines
from pipelines.sources.source import Source
from pipelines.sources.tables import Fault, Tables, only_faults, refusal, with_faults


class Content:
    """A decompressed stream whose head was looked at."""

    def __init__(self, stream: BinaryIO, origin: Origin) -> None:
        self.plain = Plain(stream)
        pieces = iter(self.plain)
        gathered = []
        size = 0
        self.ended = True
        for piece in pieces:
            gathered.append(piece)
            size += len(piece)
            if size > HEAD_BYTES:
                self.ended = False
                break
        start = b"".join(gathered)
        self.head = start[:HEAD_BYTES]
        self.offset = origin.offset
        if origin.offset == 0 and start.startswith(BOM):
            start, self.offset = start[len(BOM) :], len(BOM)
        self._pieces = chain([start], pieces)

    def __iter__(self) -> Iterator[bytes]:
        return iter(self._pieces)

    def fault(self, origin: Origin) -> str | None:
        """The damage of the stream, known once it was used up."""
        return self.plain.fault or origin.fault

    @property
    def is_lines(self) -> bool:
        """Whether it is read line by line: its first line is a JSON value, or is broken among good ones."""
        if is_json_lines(self.head, ended=self.ended):
            return True
        first = self.head.removeprefix(BOM).lstrip().partition(b"\n")[0].strip()
        # An object alone on a line may stand inside a document too, but then the first line is a lone bracket.
        return first not in (b"{", b"[") and any(line.startswith(b"{") for line in self.json_lines())

    @property
    def may_be_document(self) -> bool:
        """Whether it begins as JSON does."""
        return self.head.removeprefix(BOM).lstrip()[:1] in (b"{", b"[")

    def json_lines(self) -> Iterator[bytes]:
        """The objects and arrays that stand alone on lines of the head."""
        return json_lines(self.head, ended=self.ended)

    def whole(self, limit: int) -> bytes | None:
        """Everything, or None if it is longer than `limit`."""
        data = bytearray()
        for piece in self._pieces:
            data += piece
            if len(data) > limit:
                return None
        return bytes(data)


def refuse_foreign(content: Content, origin: Origin, expected: str) -> Tables | None:
    """The refusal of a file that is clearly another thing; None where it may be what was declared."""
    got = foreign_format(content.head)
    if got is None:
        return None
    if content.plain.fault and not content.head:
        return refusal(origin, content.plain.fault)
    return refusal(origin, f"expected {expected}, got {got}")


def read_document(
    content: Content, origin: Origin, source: Source, expected: str, parse: Callable[[bytes, int], Tables | str]
) -> Tables:
    """The tables of a JSON document over several lines; `parse` gives them, or says what the document is instead."""
    if not content.may_be_document:
        return refusal(origin, f"expected {expected}, got text without a JSON object")
    data = content.whole(source.max_record_bytes)
    if data is None:
        return refusal(origin, _document_too_long(source))
    if fault := content.fault(origin):
        return refusal(origin, fault)
    try:
        tables = parse(data, content.offset)
    except DECODE_ERRORS as error:
        return refusal(origin, f"expected {expected}, got a damaged document: {explain(error)}")
    return refusal(origin, f"expected {expected}, got {tables}") if isinstance(tables, str) else tables


def read_lines(
    content: Content,
    origin: Origin,
    source: Source,
    table_of: Callable[[bytes], str | None],
    parse: Callable[[Block, str], Tables],
) -> Iterator[Tables]:
    """Parse block after block; over-long lines and the loss at a broken end are added to what `parse` gives."""
    default = origin.default_table or default_table(content.head, table_of, ended=content.ended)
    lost_at = content.offset
    too_long, alone = 0, True
    for block in blocks(content, offset=content.offset, max_record_bytes=source.max_record_bytes):
        lost_at = block.end
        if block.open_tail and content.fault(origin):
            block, lost_at = _without_tail(block)
        alone = alone and not any(line.strip() for line in block.lines)
        too_long += len(block.long)
        if block.lines or block.long:
            yield with_faults(parse(block, default), _too_long(block.long, default, source), origin)
    if fault := content.fault(origin):
        yield only_faults([Fault(default, lost_at, None, None, fault)], origin, fault)
    elif not origin.is_chunk and alone and too_long == 1:
        # One line and nothing else is a document: nobody knows how many records it held.
        yield only_faults([], origin, _document_too_long(source))


def _document_too_long(source: Source) -> str:
    return f"expected a JSON document of at most {source.max_record_bytes} bytes, got a longer one"


def _without_tail(block: Block) -> tuple[Block, int]:
    """The block without a last line that was cut off, and where the loss begins."""
    last_long = block.long[-1] if block.long else None
    if last_long is not None and (not block.lines or last_long.offset > block.offsets[-1]):
        return replace(block, long=block.long[:-1]), last_long.offset
    if decode_any(block.lines[-1]) is not None:
        return block, block.end
    return replace(block, lines=block.lines[:-1], offsets=block.offsets[:-1]), int(block.offsets[-1])


def _too_long(lines: list[LongLine], table: str, source: Source) -> list[Fault]:
    error = f"record: expected at most {source.max_record_bytes} bytes, got {{}}"
    return [Fault(table, x.offset, x.length, x.sha256, error.format(x.length)) for x in lines]
