"""Media: the links that were tried, the objects that were got, and the scenes seen in them."""

from __future__ import annotations

import pyarrow as pa

from schemas.table import Table, column

FINGERPRINT = pa.struct(
    [
        pa.field("pdq", pa.binary(32)),
        pa.field("quality", pa.int32()),
        pa.field("pdq_centre", pa.binary(32)),
    ]
)

FETCHES = Table(
    name="fetches",
    version=1,
    meaning="A distinct url of accepted posts, and what came of it.",
    key=("url",),
    bucket_by="url",
    columns=(
        column("url", pa.string(), "As it stands in `posts.media`.", nullable=False),
        column("media_id", pa.string(), "The object that it gave; null where it gave none."),
        column("outcome", pa.string(), "ok, or the class of the failure.", nullable=False),
    ),
)

MEDIA = Table(
    name="media",
    version=1,
    meaning="A media object in the lake's store.",
    key=("media_id",),
    bucket_by="media_id",
    columns=(
        column("media_id", pa.string(), "SHA-256 of the bytes.", nullable=False),
        column("kind", pa.string(), "image or video.", nullable=False),
        column("mime", pa.string(), "MIME type by content.", nullable=False),
        column("width", pa.int32(), "Width as shown.", unit="px"),
        column("height", pa.int32(), "Height as shown.", unit="px"),
        column("duration_seconds", pa.float64(), "Length of a video.", unit="s"),
        column("num_bytes", pa.int64(), "Size of the object.", unit="B", nullable=False),
        column("fingerprint", FINGERPRINT, "Perceptual hash of the picture; null until it is computed."),
    ),
)

KEYFRAMES = Table(
    name="keyframes",
    version=1,
    meaning="A scene of a media object.",
    key=("media_id", "scene"),
    bucket_by="media_id",
    columns=(
        column("media_id", pa.string(), "The media object.", nullable=False),
        column("scene", pa.int32(), "Ordinal of the scene, from 0.", nullable=False),
        column("start", pa.float64(), "Where the scene begins.", unit="s", nullable=False),
        column("end", pa.float64(), "Where it ends.", unit="s", nullable=False),
        column("jpeg", pa.binary(), "The scene's picture at training size.", nullable=False),
    ),
)
