"""Compressed streams: recognised by content, frames joined, damage told, memory bounded."""

from __future__ import annotations

import gzip
import io
import os
import zlib

import pytest
import zstandard

from pipelines.sources import compression
from pipelines.sources.compression import Plain, compression_of

DATA = b"".join(b"line %d of the test\n" % n for n in range(20_000))


def inflate(data: bytes) -> tuple[bytes, str | None]:
    plain = Plain(io.BytesIO(data))
    return b"".join(plain), plain.fault


def zst(data: bytes) -> bytes:
    return zstandard.ZstdCompressor().compress(data)


def test_whole_streams() -> None:
    for packed in (DATA, zst(DATA), gzip.compress(DATA, mtime=0)):
        assert inflate(packed) == (DATA, None)


def test_frames_and_members_are_joined() -> None:
    skippable = b"\x50\x2a\x4d\x18\x04\0\0\0abcd"
    assert inflate(zst(DATA) + skippable + zst(DATA)) == (DATA + DATA, None)
    assert inflate(skippable + zst(DATA)) == (DATA, None)
    assert inflate(gzip.compress(DATA) + gzip.compress(DATA) + b"\0" * 512) == (DATA + DATA, None)


def test_a_window_of_two_gib_is_accepted() -> None:
    parameters = zstandard.ZstdCompressionParameters(window_log=31, compression_level=1)
    writer = zstandard.ZstdCompressor(compression_params=parameters).compressobj()  # no size in the frame, as in dumps
    packed = writer.compress(DATA[:1000]) + writer.flush()
    assert zstandard.get_frame_parameters(packed).window_size == 1 << 31
    assert inflate(packed) == (DATA[:1000], None)


@pytest.mark.parametrize("pack", [zst, gzip.compress])
@pytest.mark.parametrize("keep", [0.3, 0.9, -1])
def test_what_stands_before_the_cut_is_kept(pack: object, keep: float) -> None:
    noise = os.urandom(400_000).hex().encode()
    packed = pack(noise)  # type: ignore[operator]
    data, fault = inflate(packed[: int(len(packed) * keep) if keep > 0 else -1])
    assert noise.startswith(data)
    assert len(data) > len(noise) * keep * 0.5 - 1
    assert fault is not None
    assert fault.startswith("truncated")


def test_damage_inside_is_told() -> None:
    packed = bytearray(gzip.compress(os.urandom(50_000)))
    packed[20_000] ^= 0xFF
    assert "damaged gzip stream" in str(inflate(bytes(packed))[1])
    assert "damaged zstd stream" in str(inflate(zst(DATA) + b"not a frame")[1])


def test_a_bomb_stops(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(compression, "BOMB_BYTES", 1 << 22)
    plain = Plain(io.BytesIO(zlib.compress(bytes(1 << 26), wbits=31)))
    monkeypatch.setattr(compression, "BOMB_RATIO", 200)
    assert sum(map(len, plain)) < 1 << 25
    assert "bomb" in str(plain.fault)


def test_gzip_pieces_are_bounded() -> None:
    packed = zlib.compress(bytes(1 << 26), wbits=31)
    assert max(map(len, Plain(io.BytesIO(packed)))) <= compression.GZIP_OUT


def test_short_and_empty_streams() -> None:
    assert inflate(b"") == (b"", None)
    assert inflate(b"a") == (b"a", None)
    assert compression_of(b"\x28\xb5\x2f\xfd") == "zstd"
    assert inflate(zst(DATA)[:5])[1] is not None


def test_zstd_comes_in_large_pieces() -> None:
    data = os.urandom(3 << 20)
    pieces = list(map(len, Plain(io.BytesIO(zst(data)))))
    assert (sum(pieces), len(pieces) < 5) == (len(data), True)
