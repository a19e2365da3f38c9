"""Duplicates: which post stands for which."""

from __future__ import annotations

import pyarrow as pa

from schemas.table import Table, column

EVIDENCE = ("url", "bytes", "text", "image", "video")

DUPLICATES = Table(
    name="duplicates",
    version=1,
    meaning="An accepted post and the canonical post of its cluster, which is itself where it has no copy.",
    key=("canonical_id", "post_id"),
    bucket_by="canonical_id",
    columns=(
        column("post_id", pa.string(), "The post.", nullable=False),
        column("canonical_id", pa.string(), "The post that stands for its cluster.", nullable=False),
        column("evidence", pa.string(), "Of the link to `witness`: url, bytes, text, image, video; null if canonical."),
        column("similarity", pa.float64(), "Of the two, as verified; 1 for exact evidence.", unit="0..1"),
        column("witness", pa.string(), "The post of the cluster that this one was verified against."),
    ),
)
