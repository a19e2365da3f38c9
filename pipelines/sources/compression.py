"""Compressed input as plain bytes, told by its content and never by its name. Used by every source and by cutting.

What stands before damage is given out; the damage itself is told by `Plain.fault`, not raised.
"""

from __future__ import annotations

import zlib
from collections.abc import Iterator
from typing import BinaryIO

import zstandard

ZSTD_MAGIC = b"\x28\xb5\x2f\xfd"
GZIP_MAGIC = b"\x1f\x8b"
# Skippable frames 0x184D2A50 to 0x184D2A5F: what pzstd and seekable files begin with.
SKIPPABLE = tuple(bytes([0x50 + n, 0x2A, 0x4D, 0x18]) for n in range(16))
MAX_WINDOW = 1 << 31
"""Pushshift dumps are written with `--long=31`."""

# A zstd block of 4 bytes may stand for 128 KiB, so the piece fed at once bounds the memory (8 KiB: 256 MiB at worst).
ZSTD_FEED = 8 << 10
GZIP_OUT = 1 << 20
ZSTD_OUT = 1 << 20
PLAIN_READ = 1 << 20
BOMB_BYTES = 1 << 30
BOMB_RATIO = 1000
"""Real dumps shrink 5 to 30 times; more than 1000 times over more than 1 GiB is a bomb."""


def compression_of(head: bytes) -> str:
    """zstd, gzip or plain, by the first bytes."""
    if head[:4] == ZSTD_MAGIC or head[:4] in SKIPPABLE:
        return "zstd"
    return "gzip" if head[:2] == GZIP_MAGIC else "plain"


class Plain:
    """Iterates over the decompressed bytes; `fault` is set once the stream turned out to be damaged."""

    def __init__(self, stream: BinaryIO) -> None:
        self._stream = stream
        self._head = _read_exactly(stream, 4)
        self._read_bytes = len(self._head)
        self._given_bytes = 0
        self.compression = compression_of(self._head)
        self.fault: str | None = None

    def __iter__(self) -> Iterator[bytes]:
        pieces = {"zstd": self._zstd_gathered, "gzip": self._gzip, "plain": self._raw}[self.compression]()
        for piece in pieces:
            self._given_bytes += len(piece)
            if piece:
                yield piece
            if self._given_bytes > BOMB_BYTES and self._given_bytes > BOMB_RATIO * self._read_bytes:
                self.fault = f"{self.compression} stream grows more than {BOMB_RATIO} times: a decompression bomb"
                return

    def _raw(self) -> Iterator[bytes]:
        yield self._head
        while piece := self._stream.read(PLAIN_READ):
            yield piece

    def _next(self, size: int) -> bytes:
        piece = self._stream.read(size)
        self._read_bytes += len(piece)
        return piece

    def _zstd(self) -> Iterator[bytes]:
        rest = self._head
        while rest or (rest := self._next(ZSTD_FEED)):
            frame = zstandard.ZstdDecompressor(max_window_size=MAX_WINDOW).decompressobj()
            while not frame.eof:
                try:
                    piece = frame.decompress(rest)
                except zstandard.ZstdError as error:
                    self.fault = f"damaged zstd stream: {error}"
                    return
                yield piece
                rest = frame.unused_data if frame.eof else self._next(ZSTD_FEED)
                if not frame.eof and not rest:
                    self.fault = "truncated zstd stream: it ends inside a frame"
                    return

    def _zstd_gathered(self) -> Iterator[bytes]:
        """The small pieces of the decoder in pieces of about ZSTD_OUT, which cost their reader less."""
        held: list[bytes] = []
        size = 0
        for piece in self._zstd():
            held.append(piece)
            size += len(piece)
            if size >= ZSTD_OUT:
                yield b"".join(held)
                held, size = [], 0
        yield b"".join(held)

    def _gzip(self) -> Iterator[bytes]:
        rest = self._head
        while rest or (rest := self._next(PLAIN_READ)):
            if not rest.strip(b"\0"):  # tape archives pad with zeros
                rest = b""
                continue
            member = zlib.decompressobj(wbits=31)
            while not member.eof:
                try:
                    piece = member.decompress(rest, GZIP_OUT)
                except zlib.error as error:
                    self.fault = f"damaged gzip stream: {error}"
                    return
                yield piece
                rest = member.unused_data if member.eof else member.unconsumed_tail or self._next(PLAIN_READ)
                if not member.eof and not rest:
                    self.fault = "truncated gzip stream: it ends inside a member"
                    return


def _read_exactly(stream: BinaryIO, size: int) -> bytes:
    data = b""
    while len(data) < size and (piece := stream.read(size - len(data))):
        data += piece
    return data
