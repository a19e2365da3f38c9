"""Train, val or test: by a hash of who posted, so that no poster and no cluster of copies crosses; used by `build`."""

from __future__ import annotations

from hashlib import sha256
from typing import Self

from pydantic import BaseModel, ConfigDict, Field, model_validator

_SCALE = 1 << 32


class Split(BaseModel):
    """The shares of the three splits, which add up to 1. At most 1,024 posters' buckets are told apart."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    train: float = Field(default=0.9, ge=0, le=1)
    val: float = Field(default=0.05, ge=0, le=1)
    test: float = Field(default=0.05, ge=0, le=1)

    @model_validator(mode="after")
    def _adds_up(self) -> Self:
        total = self.train + self.val + self.test
        if abs(total - 1) > 1e-9:
            raise ValueError(f"train, val and test must add up to 1, got {total:g}")
        return self

    def of(self, author_bucket: int | None, post_id: str) -> str:
        """The split of a canonical post: by its poster's bucket, or by its id where the poster is not known."""
        unit = f"author:{author_bucket}" if author_bucket is not None else f"post:{post_id}"
        place = int.from_bytes(sha256(unit.encode()).digest()[:4])
        if place < round(self.train * _SCALE):
            return "train"
        return "val" if place < round((self.train + self.val) * _SCALE) else "test"
