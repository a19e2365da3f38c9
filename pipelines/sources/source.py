"""The configuration that all sources share. A source is a frozen model with `read(stream, origin, key)`."""

from __future__ import annotations

from typing import Annotated

import pyarrow as pa
import pyarrow.compute as pc
from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, field_validator

from pipelines.sources.authors import BOT_PATTERNS, LISTED_BOTS, Accounts

MIB = 1 << 20

Names = Annotated[tuple[str, ...], BeforeValidator(lambda value: tuple(value) if isinstance(value, list) else value)]


class Source(BaseModel):
    """Settings of ingest for one platform; they enter the recipe's fingerprint."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    max_record_bytes: int = Field(default=64 * MIB, ge=1024)
    """A longer record is not held in memory but goes to quarantine; also the size limit of a whole JSON document."""
    keep_raw: bool = False
    """Keep the bytes of unreadable records in quarantine."""
    listed_bots: Names = LISTED_BOTS
    bot_patterns: Names = BOT_PATTERNS
    """RE2 expressions, searched in the author's name without its leading @."""

    @field_validator("bot_patterns")
    @classmethod
    def _compiles(cls, patterns: tuple[str, ...]) -> tuple[str, ...]:
        for pattern in patterns:
            try:
                pc.match_substring_regex(pa.array([""]), pattern)
            except pa.ArrowInvalid as error:
                raise ValueError(f"not an RE2 expression: {pattern}: {error}") from error
        return patterns

    def accounts(self) -> Accounts:
        return Accounts(self.listed_bots, self.bot_patterns)
