"""The language of each comment, and which languages are accepted; a step of `CleanRecipe`."""

from __future__ import annotations

from typing import Literal

import numpy as np
import polars as pl
import pyarrow as pa
from pydantic import Field

from pipelines.comments.columns import set_column
from pipelines.comments.detector import detect
from pipelines.comments.words import num_letters, without_links
from pipelines.step import REASON, Step, reject, with_verdicts

UNDETERMINED = "und"
_SCRIPTS = {
    **dict.fromkeys(("ar", "fa", "ur"), r"\p{Arabic}"),
    **dict.fromkeys(("bg", "mk", "ru", "uk"), r"\p{Cyrillic}"),
    **dict.fromkeys(("hi", "mr", "ne"), r"\p{Devanagari}"),
    "bn": r"\p{Bengali}",
    "el": r"\p{Greek}",
    "gu": r"\p{Gujarati}",
    "he": r"\p{Hebrew}",
    "ja": r"\p{Han}\p{Hiragana}\p{Katakana}",
    "kn": r"\p{Kannada}",
    "ko": r"\p{Hangul}",
    "ml": r"\p{Malayalam}",
    "pa": r"\p{Gurmukhi}",
    "ta": r"\p{Tamil}",
    "te": r"\p{Telugu}",
    "th": r"\p{Thai}",
    "zh": r"\p{Han}",
}
"""Scripts of the languages that langdetect knows; those that are not named write Latin."""


class Language(Step):
    """Writes `language` and `language_score`; rejects a comment in a language not in `accept` as `not_language`.

    A text of fewer than `min_letters` letters, or whose language is less likely than `min_score`, is `und` (score null)
    and is kept. A text without a letter of an accepted script is rejected unasked, its language null. Rows that an
    earlier step rejected are not looked at. Defaults: on openings of 3, 5 and 8 words of the 324 English validation
    tweets of XLM-T they keep .94, .92 and .99; without them langdetect keeps .62, .84 and .97.
    """

    backend: Literal["langdetect", "off"] = "langdetect"
    accept: tuple[str, ...] = ("en",)
    """ISO 639-1 codes; empty accepts every language."""
    min_letters: int = Field(default=15, ge=0)
    min_score: float = Field(default=0.75, ge=0, le=1)
    seed: int = 0
    """langdetect draws n-grams at random; the seed is set anew for each text."""

    def __call__(self, table: pa.Table) -> pa.Table:
        table = with_verdicts(table)
        if self.backend == "off":
            return table
        rows = _columns(table).with_columns(num_letters(without_links(pl.col("text"))).alias("letters"))
        rows = rows.with_columns(self._foreign_script(rows).alias("foreign"))
        found = self._verdicts(rows.filter(pl.col("alive") & ~pl.col("foreign"))["text"].unique(maintain_order=True))
        asked = pl.col("alive") & ~pl.col("foreign")
        joined = rows.join(found, on="text", how="left", maintain_order="left").select(
            *(pl.when(asked).then(new).when(~pl.col("alive")).then(old).alias(old) for new, old in _RENAMED.items()),
            (pl.col("alive") & (pl.col("foreign") | ~self._accepted(pl.col("found")))).alias("refused"),
        )
        for name in _RENAMED.values():
            table = set_column(table, name, joined[name].to_arrow().cast(_TYPES[name]))
        return reject(table, joined["refused"].to_arrow(), step="language", reason="not_language")

    def _accepted(self, language: pl.Expr) -> pl.Expr:
        if not self.accept:
            return pl.lit(True)
        return language.is_in([*self.accept, UNDETERMINED]).fill_null(True)

    def _foreign_script(self, rows: pl.DataFrame) -> pl.Series:
        """Whether a text has letters enough, and none of an accepted script."""
        if not self.accept:
            return pl.Series(np.zeros(rows.height, dtype=bool))
        scripts = "".join(sorted({_SCRIPTS.get(code, r"\p{Latin}") for code in self.accept}))
        foreign = (pl.col("letters") > 0) & ~pl.col("text").str.contains(f"[{scripts}]")
        return rows.select(foreign.fill_null(False)).to_series()

    def _verdicts(self, texts: pl.Series) -> pl.DataFrame:
        """Language and score of each distinct text."""
        letters = texts.to_frame("text").select(num_letters(without_links(pl.col("text")))).to_series()
        long_enough = texts.filter(letters >= self.min_letters)
        names, scores = detect(long_enough.to_list(), seed=self.seed)
        # langdetect tells zh-cn from zh-tw; the column holds ISO 639-1. Four decimals outlast a change of libm.
        codes = pl.Series("found", names, dtype=pl.String).str.slice(0, 2)
        score = pl.Series("score", np.round(scores, 4), dtype=pl.Float64)
        sure = (score >= self.min_score) & codes.is_not_null()
        seen = pl.DataFrame({"text": long_enough, "found": codes, "score": score}).with_columns(
            pl.when(sure).then(pl.col("found")).alias("found"), pl.when(sure).then(pl.col("score")).alias("score")
        )
        all_texts = texts.to_frame("text").join(seen, on="text", how="left", maintain_order="left")
        return all_texts.with_columns(pl.col("found").fill_null(UNDETERMINED))


_RENAMED = {"found": "language", "score": "language_score"}
_TYPES = {"language": pa.string(), "language_score": pa.float64()}


def _columns(table: pa.Table) -> pl.DataFrame:
    """Text, whether the row is alive, and the language columns, null where the table has none yet."""
    frame = pl.DataFrame(table.select(["text", REASON])).select("text", pl.col(REASON).is_null().alias("alive"))
    for name, kind in _TYPES.items():
        old = table[name] if name in table.column_names else pa.nulls(table.num_rows, kind)
        frame = frame.with_columns(pl.Series(name, old))
    return frame
