"""Quarantine: what could not be read, with its place."""

from __future__ import annotations

import pyarrow as pa

from schemas.table import Table, column

QUARANTINE = Table(
    name="quarantine",
    version=1,
    meaning="A piece of an input file that could not be read as a record.",
    key=("source_file", "offset", "error"),
    bucket_by="source_file",
    columns=(
        column("table", pa.string(), "The table whose ledger counts it: posts or comments.", nullable=False),
        column("source_file", pa.string(), "SHA-256 of the input file.", nullable=False),
        column("offset", pa.int64(), "Byte of the piece in the decompressed file, or its ordinal.", nullable=False),
        column("length", pa.int64(), "Size of the piece; null where its end was not reached.", unit="B"),
        column("sha256", pa.string(), "SHA-256 of the piece; null where its end was not reached."),
        column("error", pa.string(), "Field, what was expected, what was got.", nullable=False),
        column("raw", pa.binary(), "The piece itself, only with `--keep-raw`."),
    ),
)
