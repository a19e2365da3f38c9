"""Settings of the samples stage: first the steps over posts in the order they run, then how a sample is worded."""

from __future__ import annotations

from collections.abc import Callable

import pyarrow as pa
from pydantic import BaseModel, ConfigDict, Field

from pipelines.samples.rules import Adult, Behaviour, Duration, Pictures, Posters, PostRemoved
from pipelines.samples.split import Split
from pipelines.samples.template import NamedTemplate, load_template


class SamplesRecipe(BaseModel):
    """What becomes a sample, and in which words."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    removed: PostRemoved = PostRemoved()
    adult: Adult = Adult()
    posters: Posters = Posters()
    duration: Duration = Duration()
    pictures: Pictures = Pictures()
    behaviour: Behaviour = Behaviour()

    split: Split = Split()
    template: NamedTemplate = Field(default_factory=lambda: load_template("blift_v1"))
    num_comments: int = Field(default=5, ge=0)
    """At most so many comments in the answer."""
    transcript_words: int = Field(default=300, ge=0)
    """The transcript is cut after so many words."""

    def steps(self) -> list[Callable[[pa.Table], pa.Table]]:
        """The steps in the order they run."""
        return [self.removed, self.adult, self.posters, self.duration, self.pictures, self.behaviour]
