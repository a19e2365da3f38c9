"""What was planted: truth.parquet (a row per planted fact) and truth_posts.parquet (a row per post)."""

from __future__ import annotations

import json
from collections import Counter
from pathlib import Path
from types import TracebackType
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from pipelines.synthetic.copies import COPIES
from pipelines.synthetic.draws import Ints
from pipelines.synthetic.labels import Labels
from pipelines.synthetic.talk import FOREIGN, PLANTS, REMARK, REPEATED, Talk
from pipelines.synthetic.world import COLOURS, FORMS, LINK, SELF, SHAPES, Posts

FACTS = pa.schema(
    [
        pa.field("kind", pa.string(), nullable=False),
        pa.field("post_id", pa.string()),
        pa.field("comment_id", pa.string()),
        pa.field("of", pa.string()),  # The original, for a copy.
        pa.field("file", pa.string()),  # Relative to the output folder, for a fact about a file.
        pa.field("parameters", pa.string()),  # A JSON object.
    ]
)
SHOWN = pa.schema(
    [
        pa.field("post_id", pa.string(), nullable=False),
        pa.field("cluster", pa.string(), nullable=False),  # The post that all copies of a cluster go back to.
        pa.field("copy", pa.string()),  # The kind of copy; null for an original.
        pa.field("form", pa.string(), nullable=False),
        pa.field("shape", pa.string(), nullable=False),
        pa.field("colour", pa.string(), nullable=False),
        pa.field("light", pa.int64(), nullable=False),  # 0 poor, 1 fair, 2 good.
        pa.field("scenes", pa.int64(), nullable=False),
        pa.field("hot_scene", pa.int64(), nullable=False),
        pa.field("appeal", pa.int64(), nullable=False),  # Per mille.
        pa.field("likes", pa.int64(), nullable=False),
        pa.field("views", pa.int64()),
        pa.field("upvote_percent", pa.int64()),
        pa.field("comments", pa.int64(), nullable=False),
        pa.field("media", pa.list_(pa.string()), nullable=False),  # Files under media/, drawn or not.
        pa.field("drawn", pa.bool_(), nullable=False),
    ]
)


class Truth:
    """Writes both files block by block and counts the facts of each kind."""

    def __init__(self, out: Path) -> None:
        self._facts = pq.ParquetWriter(out / "truth.parquet", FACTS, compression="zstd")
        self._shown = pq.ParquetWriter(out / "truth_posts.parquet", SHOWN, compression="zstd")
        self._rows: dict[str, list[Any]] = {name: [] for name in FACTS.names}
        self.counts: Counter[str] = Counter()

    def __enter__(self) -> Truth:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.flush()
        self._facts.close()
        self._shown.close()

    def add(self, kind: str, *, post: str | None = None, comment: str | None = None, of: str | None = None,
            file: str | None = None, **parameters: object) -> None:  # fmt: skip
        """One planted fact."""
        text = json.dumps(parameters, sort_keys=True) if parameters else None
        for name, value in zip(FACTS.names, (kind, post, comment, of, file, text), strict=True):
            self._rows[name].append(value)
        self.counts[kind] += 1

    def flush(self) -> None:
        """Write out the facts that were added."""
        if self._rows["kind"]:
            self._facts.write_table(pa.table(self._rows, schema=FACTS))
        self._rows = {name: [] for name in FACTS.names}

    def add_comments(self, posts: Posts, labels: Labels, talk: Talk, ids: list[str], rows: Ints) -> None:
        """The planted ones among the comments in `rows`."""
        planted = rows[talk.plant[rows] != REMARK]
        facts = zip(planted.tolist(), talk.plant[planted].tolist(), talk.post[planted].tolist(), strict=True)
        for row, plant, post in facts:
            post_id = labels.post_id(posts, post)
            platform = post_id.split(":", 1)[0]
            of = f"{platform}:{ids[int(talk.original[row])]}" if plant == REPEATED else None
            language = {"language": talk.language[row]} if plant == FOREIGN else {}
            self.add(PLANTS[plant], post=post_id, comment=f"{platform}:{ids[row]}", of=of, **language)

    def add_posts(self, posts: Posts, labels: Labels, comments: Ints) -> None:
        """A stretch of posts: the copies among them as facts, and what each shows."""
        post_ids = [labels.post_id(posts, row) for row in range(len(posts.number))]
        for row in np.flatnonzero(posts.source >= 0).tolist():
            kind = COPIES[int(posts.copy[row])].kind
            self.add(f"copy_{kind}", post=post_ids[row], of=post_ids[int(posts.source[row])])
        cluster = [post_ids[s if s >= 0 else row] for row, s in enumerate(posts.source.tolist())]
        youtube = np.array([name.startswith("youtube:") for name in post_ids])
        columns = {
            "post_id": post_ids,
            "cluster": cluster,
            "copy": [COPIES[copy].kind if copy >= 0 else None for copy in posts.copy.tolist()],
            "form": [FORMS[form] for form in posts.form.tolist()],
            "shape": [SHAPES[shape] for shape in posts.shape.tolist()],
            "colour": [COLOURS[colour] for colour in posts.colour.tolist()],
            "light": posts.light,
            "scenes": posts.scenes,
            "hot_scene": posts.hot,
            "appeal": posts.appeal,
            "likes": posts.likes,
            "views": pa.array(posts.views, mask=~youtube),
            "upvote_percent": pa.array(posts.ratio, mask=youtube),
            "comments": comments,
            "media": labels.media,
            "drawn": posts.drawn & (posts.form != SELF) & (posts.form != LINK),
        }
        self._shown.write_table(pa.table(columns, schema=SHOWN))
