"""The rules that need nothing but the comment itself: deleted, removed, bots, links, emoji, length.

Each is a step local to a row; `recipe.py` lists them in order.
"""

from __future__ import annotations

import polars as pl
import pyarrow as pa
from pydantic import Field

from pipelines.comments.words import has_link, has_word, num_words, without_links
from pipelines.step import Step, reject

_TEXT = pl.col("text").fill_null("")


def _where(table: pa.Table, condition: pl.Expr) -> pa.Array:
    return pl.DataFrame(table.select(["text"])).select(condition).to_series().to_arrow()


class Removed(Step):
    """Rejects a comment without text, or whose text is the platform's note that it is gone: `removed`."""

    notes: tuple[str, ...] = ("[deleted]", "[removed]", "[ Removed by Reddit ]", "[unavailable]")

    def __call__(self, table: pa.Table) -> pa.Table:
        gone = _TEXT.str.strip_chars().is_in(["", *self.notes])
        return reject(table, _where(table, gone), step="removed", reason="removed")


class Authors(Step):
    """Rejects by who wrote it, as ingest found out: `deleted` for an account that is gone, `bot` for a bot."""

    deleted: bool = True
    bots: tuple[str, ...] = ("listed_bot", "bot_name")

    def __call__(self, table: pa.Table) -> pa.Table:
        kind = pl.DataFrame(table.select(["author_kind"])).to_series()
        if self.deleted:
            table = reject(table, (kind == "deleted").to_arrow(), step="authors", reason="deleted")
        return reject(table, kind.is_in(self.bots).to_arrow(), step="authors", reason="bot")


class Wordless(Step):
    """Rejects a text without words: `links_only` where it has a link, else `emoji_only` (no letter, no digit)."""

    def __call__(self, table: pa.Table) -> pa.Table:
        wordless = ~has_word(without_links(_TEXT))
        table = reject(table, _where(table, wordless & has_link(_TEXT)), step="wordless", reason="links_only")
        return reject(table, _where(table, wordless), step="wordless", reason="emoji_only")


class Length(Step):
    """Rejects a text of fewer than `min_words` words (`too_short`) or more than `max_words` (`too_long`).

    Defaults: under 3 words go on Reddit, over 100 on YouTube (arXiv 2405.00942). Links do not count.
    """

    min_words: int = Field(default=3, ge=0)
    max_words: int | None = Field(default=100, ge=1)

    def __call__(self, table: pa.Table) -> pa.Table:
        counts = pl.DataFrame(table.select(["text"])).select(num_words(without_links(_TEXT))).to_series()
        table = reject(table, (counts < self.min_words).to_arrow(), step="length", reason="too_short")
        if self.max_words is None:
            return table
        return reject(table, (counts > self.max_words).to_arrow(), step="length", reason="too_long")
