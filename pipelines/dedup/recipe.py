"""What counts as evidence that two posts are copies; read by `signatures` and `resolve`."""

from __future__ import annotations

from typing import Literal

from pydantic import BaseModel, ConfigDict, Field

Evidence = Literal["url", "bytes", "text"]


class DedupRecipe(BaseModel):
    """Settings of exact deduplication."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    evidence: tuple[Evidence, ...] = ("url", "bytes", "text")
    """The kinds of evidence that are looked for."""
    min_words_unknown: int = Field(default=20, ge=1)
    """A text of at least so many words joins posts although their media are not known yet."""
