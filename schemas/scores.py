"""Scores: what a transformer said of a text, kept so that it need not be asked twice."""

from __future__ import annotations

import pyarrow as pa

from schemas.table import Table, column

SCORES = Table(
    name="scores",
    version=1,
    meaning="A transformer's verdict on a text.",
    key=("text_hash", "model_hash"),
    bucket_by="text_hash",
    columns=(
        column("text_hash", pa.string(), "SHA-256 of the text in UTF-8.", nullable=False),
        column("model_hash", pa.string(), "SHA-256 of the model's weights.", nullable=False),
        column(
            "scores",
            pa.list_(pa.struct([pa.field("label", pa.string()), pa.field("score", pa.float64())])),
            "One score a label, in the model's order.",
            nullable=False,
        ),
    ),
)
