"""Writes the raw dump files and counts what each of them holds; synthesize.py tells it what to write."""

from __future__ import annotations

import json
from collections.abc import Iterable
from pathlib import Path
from types import TracebackType
from typing import BinaryIO

import zstandard

# The lowest level: JSON of this kind shrinks sixfold at it, at several hundred MB/s.
LEVEL = 1
LONG_WINDOW_LOG = 27
PAGE_ITEMS = 50
DOCUMENTS = 2
LINES_A_FILE = 20_000


class ZstLines:
    """A `.zst` dump that grows line by line, as one frame or as two, and knows how far it has come."""

    def __init__(self, path: Path, *, long_window: bool = False) -> None:
        window = LONG_WINDOW_LOG if long_window else 0
        parameters = zstandard.ZstdCompressionParameters.from_level(LEVEL, window_log=window, enable_ldm=long_window)
        self._compressor = zstandard.ZstdCompressor(compression_params=parameters)
        self._file: BinaryIO = path.open("wb")
        self._sink = self._compressor.compressobj()
        self.num_bytes = 0
        self.num_lines = 0

    def __enter__(self) -> ZstLines:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._file.write(self._sink.flush())
        self._file.close()

    def write(self, lines: list[str], *, in_two_frames: bool = False) -> None:
        """Append the lines. A frame may end inside a line, as where dumps were cut into parts and joined again."""
        data = "".join(lines).encode("latin-1")
        half = len(data) // 2 if in_two_frames else 0
        if half:
            self._file.write(self._sink.compress(data[:half]) + self._sink.flush())
            self._sink = self._compressor.compressobj()
        self._file.write(self._sink.compress(data[half:]))
        self.num_bytes += len(data)
        self.num_lines += len(lines)


class ApiPages:
    """Data API responses: the first ones as documents of their own (`.json`), the rest one a line (`.ndjson`)."""

    def __init__(self, folder: Path, name: str, counts: dict[str, dict[str, int]]) -> None:
        self._folder, self._name, self._counts = folder, name, counts
        self._responses = 0
        self._file: BinaryIO | None = None
        self._path = ""

    def write(self, counted: str, responses: Iterable[tuple[int, str]]) -> None:
        """Append (number of records, response); `counted` says what the records are: posts or comments."""
        for records, response in responses:
            if self._responses < DOCUMENTS:
                text = json.dumps(json.loads(response), indent=2)
                self._open("json").write(text.encode())
            else:
                fresh = (self._responses - DOCUMENTS) % LINES_A_FILE == 0
                sink = self._open("ndjson") if fresh or self._file is None else self._file
                sink.write(response.encode() + b"\n")
            self._responses += 1
            tally = self._counts.setdefault(self._path, {"posts": 0, "comments": 0, "corrupt": 0})
            tally[counted] += records

    def _open(self, suffix: str) -> BinaryIO:
        self.close()
        number = self._responses if suffix == "json" else DOCUMENTS + (self._responses - DOCUMENTS) // LINES_A_FILE
        path = self._folder / f"{self._name}_{number:04d}.{suffix}"
        self._path = f"{self._folder.name}/{path.name}"
        self._file = path.open("wb")
        return self._file

    def close(self) -> None:
        """Finish the file that is being written."""
        if self._file is not None:
            self._file.close()
            self._file = None
