"""Finds the videos and comments inside YouTube JSON: in responses, arrays, threads, info.json. Called by `youtube`."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Any

import msgspec

from pipelines.sources import ytdlp
from pipelines.sources.decoding import DECODE_ERRORS
from pipelines.sources.tables import brief
from pipelines.sources.youtube_api import COMMENT, LISTS, THREAD, VIDEO


@dataclass(frozen=True)
class Item:
    """One record by its bytes and place. `strange` says what it is if it is neither video nor comment."""

    form: str
    table: str
    start: int
    data: bytes
    around: dict[str, Any] | None = None
    """For a comment: the thread's snippet, or the info.json without its lists."""
    strange: str = ""


class _Probe(msgspec.Struct):
    kind: object = None
    items: msgspec.Raw = msgspec.Raw()
    snippet: msgspec.Raw = msgspec.Raw()
    replies: msgspec.Raw = msgspec.Raw()
    extractor: object = None
    extractor_key: object = None
    webpage_url_domain: object = None
    type: object = msgspec.field(default=None, name="_type")
    entries: msgspec.Raw = msgspec.Raw()
    comments: msgspec.Raw = msgspec.Raw()
    id: object = None
    epoch: object = None


class _Snippet(msgspec.Struct):
    topLevelComment: msgspec.Raw = msgspec.Raw()  # the API's own spelling
    videoId: object = None
    channelId: object = None


class _Replies(msgspec.Struct):
    comments: list[msgspec.Raw] = []


_PROBE = msgspec.json.Decoder(_Probe)
_SNIPPET = msgspec.json.Decoder(_Snippet)
_REPLIES = msgspec.json.Decoder(_Replies)
_ARRAY = msgspec.json.Decoder(list[msgspec.Raw])


def items_of(data: bytes, start: int) -> Iterator[Item]:
    """The records of a JSON value, in order. Raises one of DECODE_ERRORS where it is not JSON of a known shape."""
    if data.lstrip()[:1] == b"[":
        for at, piece in _elements(data, start):
            yield from items_of(piece, at)
        return
    probe = _PROBE.decode(data)
    if isinstance(probe.kind, str) and probe.kind in LISTS:
        for at, piece in _inside(probe.items, data, start):
            yield from items_of(piece, at)
    elif probe.kind == VIDEO:
        yield Item("video", "posts", start, data)
    elif probe.kind == THREAD:
        yield from _thread(probe, data, start)
    elif probe.kind == COMMENT:
        yield Item("comment", "comments", start, data)
    elif probe.kind is None and ytdlp.is_ytdlp(_shape(probe)):
        yield from _ytdlp(probe, data, start)
    else:
        yield Item("", "", start, data, strange=_describe(probe))


def _thread(probe: _Probe, data: bytes, start: int) -> Iterator[Item]:
    snippet_bytes = bytes(probe.snippet)
    snippet = _SNIPPET.decode(snippet_bytes) if snippet_bytes else _Snippet()
    around = {"videoId": snippet.videoId, "channelId": snippet.channelId}
    top = bytes(snippet.topLevelComment) or b"null"
    yield Item("comment", "comments", start + max(data.find(top), 0), top, around)
    replies = bytes(probe.replies)
    if replies not in (b"", b"null"):
        at = data.find(replies)
        for raw in _REPLIES.decode(replies).comments:
            piece = bytes(raw)
            at = data.find(piece, at)
            yield Item("reply", "comments", start + at, piece, around)
            at += len(piece)


def _ytdlp(probe: _Probe, data: bytes, start: int) -> Iterator[Item]:
    if not ytdlp.is_of_youtube(_shape(probe)):
        yield Item("", "", start, data, strange=f"a yt-dlp document of {_site(probe)}")
    elif probe.type in ("playlist", "multi_video") or bytes(probe.entries)[:1] == b"[":
        for at, piece in _inside(probe.entries, data, start):
            yield from items_of(piece, at)
    else:
        yield Item("ytdlp_video", "posts", start, data)
        around = {"id": probe.id, "epoch": probe.epoch}
        for at, piece in _inside(probe.comments, data, start):
            yield Item("ytdlp_comment", "comments", at, piece, around)


def _inside(raw: msgspec.Raw, data: bytes, start: int) -> Iterator[tuple[int, bytes]]:
    """The elements of an array inside `data`; none where it is absent or null."""
    array = bytes(raw)
    if array not in (b"", b"null"):
        yield from _elements(array, start + data.find(array))


def _elements(array: bytes, start: int) -> Iterator[tuple[int, bytes]]:
    at = 0
    for raw in _ARRAY.decode(array):
        piece = bytes(raw)
        at = array.find(piece, at)
        yield start + at, piece
        at += len(piece)


def _shape(probe: _Probe) -> dict[str, Any]:
    names = ("extractor", "extractor_key", "webpage_url_domain")
    return {name: getattr(probe, name) for name in names if getattr(probe, name) is not None}


def _describe(probe: _Probe) -> str:
    return f"a document of kind {brief(probe.kind, 40)}" if isinstance(probe.kind, str) else "JSON of another kind"


def _site(probe: _Probe) -> str:
    name = probe.extractor_key or probe.extractor
    return brief(name, 40) if isinstance(name, str) else "another site"


def table_of(line: bytes) -> str | None:
    """The ledger table of the first record in a JSON value; None where it holds none."""
    try:
        return next((item.table for item in items_of(line, 0) if item.table), None)
    except DECODE_ERRORS:
        return None


def strangeness(lines: Iterable[bytes]) -> str | None:
    """What the lines hold if none of it is a video or a comment; None where there is nothing, or nothing strange."""
    found: list[Item] = []
    for line in lines:
        try:
            found += items_of(line, 0)
        except DECODE_ERRORS:
            return None
        if not found or not found[-1].strange:
            return None
    return found[0].strange if found else None
