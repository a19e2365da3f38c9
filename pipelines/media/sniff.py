"""The type of a media object by its first bytes, never by its name; and whether its container ends where it says."""

from __future__ import annotations

from typing import BinaryIO

from pipelines.media.outcome import RefusalError

IMAGES = {
    "image/jpeg": "JPEG",
    "image/png": "PNG",
    "image/webp": "WEBP",
    "image/gif": "GIF",
    "image/avif": "AVIF",
}
"""MIME type -> the one Pillow decoder that may read it."""
VIDEOS = {
    "video/mp4": "mov",
    "video/quicktime": "mov",
    "video/webm": "matroska",
    "video/x-matroska": "matroska",
    "video/x-msvideo": "avi",
    "video/x-flv": "flv",
}
"""MIME type -> the one FFmpeg demuxer that may read it. Playlists (HLS, DASH, concat) can thus never be opened."""

_MAGIC = (
    (b"\xff\xd8\xff", "image/jpeg"),
    (b"\x89PNG\r\n\x1a\n", "image/png"),
    (b"GIF87a", "image/gif"),
    (b"GIF89a", "image/gif"),
    (b"BM", "image/bmp"),
    (b"II*\x00", "image/tiff"),
    (b"MM\x00*", "image/tiff"),
    (b"ID3", "audio/mpeg"),
    (b"OggS", "application/ogg"),
    (b"fLaC", "audio/flac"),
    (b"FLV\x01", "video/x-flv"),
    (b"\x00\x00\x01\xba", "video/mpeg"),
    (b"%PDF-", "application/pdf"),
    (b"\x00\x00\x00\x0cjP  ", "image/jp2"),
    (b"\x00\x00\x00\x0cJXL ", "image/jxl"),
    (b"\xff\x0a", "image/jxl"),
    (b"\x30\x26\xb2\x75\x8e\x66\xcf\x11", "video/x-ms-asf"),
)
_RIFF = {b"WEBP": "image/webp", b"AVI ": "video/x-msvideo", b"WAVE": "audio/wav"}
_BRANDS = {
    b"avif": "image/avif",
    b"avis": "image/avif",
    b"qt  ": "video/quicktime",
    b"heic": "image/heic",
    b"heix": "image/heic",
    b"hevc": "image/heic",
    b"mif1": "image/heic",
    b"msf1": "image/heic",
    b"M4A ": "audio/mp4",
    b"M4B ": "audio/mp4",
    b"crx ": "image/x-canon-cr3",
}
# QuickTime files from before ISO media begin with any of these boxes.
_OLD_QUICKTIME = (b"moov", b"mdat", b"wide", b"free", b"skip", b"pnot")


def sniff(head: bytes) -> str | None:
    """The MIME type that the first bytes (64 are enough) tell; None where they tell none."""
    if head[:4] == b"RIFF":
        return _RIFF.get(head[8:12])
    if head[4:8] == b"ftyp":
        return _brand(head)
    if head[4:8] in _OLD_QUICKTIME:
        return "video/quicktime"
    if head[:4] == b"\x1aE\xdf\xa3":
        return "video/webm" if b"webm" in head[:64] else "video/x-matroska"
    return next((mime for magic, mime in _MAGIC if head.startswith(magic)), None)


def _brand(head: bytes) -> str:
    mime = _BRANDS.get(head[8:12], "video/mp4")
    # A still AVIF may carry the generic HEIF brand first and name itself among the compatible ones.
    compatible = head[16 : max(16, min(len(head), int.from_bytes(head[:4], "big")))]
    return "image/avif" if mime == "image/heic" and b"avif" in compatible else mime


def check_whole(stream: BinaryIO, mime: str, num_bytes: int) -> None:
    """Raise RefusalError("truncated") where a container declares more bytes than there are.

    Decoders of JPEG, PNG and GIF find it out themselves. FLV declares no length, so a cut FLV passes with the pictures
    that it still has; so does an animated GIF whose first frame is whole.
    """
    stream.seek(0)
    if mime in ("video/x-msvideo", "image/webp"):
        _check_end("RIFF", int.from_bytes(stream.read(12)[4:8], "little") + 8, num_bytes)
    elif mime == "image/avif":
        _check_boxes(stream, num_bytes)
    elif VIDEOS.get(mime) == "mov":
        kinds = _check_boxes(stream, num_bytes)
        if b"moov" not in kinds:
            raise RefusalError("truncated" if b"mdat" in kinds else "no_frames", "no moov box")
    elif VIDEOS.get(mime) == "matroska":
        _check_segment(stream.read(4096), num_bytes)
    stream.seek(0)


def _check_end(name: str, end: int, num_bytes: int) -> None:
    if end > num_bytes:
        raise RefusalError("truncated", f"{name} ends at byte {end} of {num_bytes}")


def _check_boxes(stream: BinaryIO, num_bytes: int) -> set[bytes]:
    """The kinds of the top-level boxes of an ISO media file, all of which lie inside it."""
    offset, kinds = 0, set[bytes]()
    while offset + 8 <= num_bytes:
        stream.seek(offset)
        header = stream.read(16)
        size, kind = int.from_bytes(header[:4], "big"), header[4:8]
        if size == 1:
            size = int.from_bytes(header[8:16], "big")
        elif size == 0:
            size = num_bytes - offset
        if size < 8:
            raise RefusalError("damaged", f"box {kind!r} at byte {offset} has size {size}")
        _check_end(f"box {kind!r}", offset + size, num_bytes)
        kinds.add(kind)
        offset += size
    return kinds


def _check_segment(head: bytes, num_bytes: int) -> None:
    """The Matroska Segment's declared size; a live recording declares none, and says nothing of its end."""
    header_size, length = _ebml_size(head, 4)
    segment = 4 + length + (header_size or 0)
    if head[segment : segment + 4] != b"\x18\x53\x80\x67":
        raise RefusalError("truncated" if segment >= num_bytes else "damaged", "no Matroska segment after the header")
    size, length = _ebml_size(head, segment + 4)
    if size is not None:
        _check_end("Matroska segment", segment + 4 + length + size, num_bytes)


def _ebml_size(data: bytes, offset: int) -> tuple[int | None, int]:
    """The variable-length size at `offset` (None: unknown) and how many bytes it took."""
    first = data[offset] if offset < len(data) else 0
    length = 9 - first.bit_length()
    if length > 8 or offset + length > len(data):
        raise RefusalError("truncated", "ends inside a Matroska element")
    value = int.from_bytes(data[offset : offset + length], "big") & ((1 << 7 * length) - 1)
    return (None if value == (1 << 7 * length) - 1 else value), length
