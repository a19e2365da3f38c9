"""Authors: the only table that depends on the lake's secret key."""

from __future__ import annotations

import pyarrow as pa

from schemas.table import Table, column

AUTHORS = Table(
    name="authors",
    version=1,
    meaning="Who wrote a post or a comment.",
    key=("id", "token"),
    bucket_by="id",
    columns=(
        column("id", pa.string(), "A post_id or a comment_id.", nullable=False),
        column(
            "token",
            pa.string(),
            "HMAC-SHA256 of `<platform>:<author id, else name>` under the lake's key, in hex; null for [deleted].",
        ),
    ),
)
