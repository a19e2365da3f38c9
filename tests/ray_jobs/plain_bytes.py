"""A lake's files as they read, so that a search for a name cannot miss it: shards are compressed."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pyarrow as pa


def readable(folder: Path) -> Iterator[tuple[Path, bytes]]:
    """Every file below the folder: Arrow files uncompressed, others as they are."""
    for path in sorted(path for path in folder.rglob("*") if path.is_file()):
        if path.suffix != ".arrow":
            yield path, path.read_bytes()
            continue
        with pa.memory_map(str(path)) as file, pa.ipc.open_file(file) as reader:
            sink = pa.BufferOutputStream()
            with pa.ipc.new_stream(sink, reader.schema) as writer:
                writer.write_table(reader.read_all())
        yield path, sink.getvalue().to_pybytes()
