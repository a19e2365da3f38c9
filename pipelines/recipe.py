"""What is done to the data, in order: read this first. Values come from the TOML sections of the same names.

A recipe is a frozen model; the fields of `CleanRecipe` and the first fields of `SamplesRecipe` are steps, in the order
they run. `Recipe.model_dump(mode="json")` is the fingerprint that a manifest keeps.
"""

from __future__ import annotations

from collections.abc import Callable

import pyarrow as pa
from pydantic import BaseModel, ConfigDict

from pipelines.comments.language import Language
from pipelines.comments.ranking import Ranking
from pipelines.comments.rules import Authors, Length, Removed, Wordless
from pipelines.dedup.recipe import DedupRecipe
from pipelines.samples.recipe import SamplesRecipe
from pipelines.step import with_verdicts

__all__ = ["CleanRecipe", "DedupRecipe", "Recipe", "SamplesRecipe"]


class CleanRecipe(BaseModel):
    """Comments of whole clusters (COMMENTS columns and canonical_id) -> CLEAN_COMMENTS columns and verdicts."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    removed: Removed = Removed()
    authors: Authors = Authors()
    wordless: Wordless = Wordless()
    length: Length = Length()
    language: Language = Language()
    ranking: Ranking = Ranking()

    def steps(self) -> list[Callable[[pa.Table], pa.Table]]:
        """The steps in the order they run."""
        return [getattr(self, name) for name in type(self).model_fields]

    def __call__(self, comments: pa.Table) -> pa.Table:
        """Every row of `comments`, in its order, with the steps' columns and verdicts."""
        table = with_verdicts(comments)
        for step in self.steps():
            table = step(table)
        return table


class Recipe(BaseModel):
    """All settings that decide what is in a dataset."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    dedup: DedupRecipe = DedupRecipe()
    clean: CleanRecipe = CleanRecipe()
    samples: SamplesRecipe = SamplesRecipe()
