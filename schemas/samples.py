"""Samples: what a model is trained on."""

from __future__ import annotations

import pyarrow as pa

from schemas.table import Table, column

SPLITS = ("train", "val", "test")
TARGET_KINDS = ("description", "likes", "comment", "replay")

PART = pa.struct([pa.field("type", pa.string()), pa.field("text", pa.string()), pa.field("media_id", pa.string())])
MESSAGE = pa.struct([pa.field("role", pa.string()), pa.field("content", pa.list_(PART))])
TARGET = pa.struct([pa.field("kind", pa.string()), pa.field("text", pa.string()), pa.field("value", pa.float64())])

SAMPLES = Table(
    name="samples",
    version=1,
    meaning="A training example: one canonical post under one template.",
    key=("post_id", "sample_id"),
    bucket_by="post_id",
    columns=(
        column("sample_id", pa.string(), "`<canonical post id>#<template>`.", nullable=False),
        column("post_id", pa.string(), "The canonical post.", nullable=False),
        column("split", pa.string(), "train, val or test.", nullable=False),
        column(
            "messages",
            pa.list_(MESSAGE),
            "The conversation: role (system, user, assistant) and parts of type text, image or video; "
            "an image or video part names its media_id.",
            nullable=False,
        ),
        column(
            "targets",
            pa.list_(TARGET),
            "The answer in consecutive pieces: their texts joined are the assistant's text. Kind is description, "
            "likes, comment, replay or null for glue; value is the number that a likes or replay piece states.",
            nullable=False,
        ),
    ),
)
