"""From canonical posts, their comments and pictures to training examples; called by `ray_jobs/samples.py`."""

from pipelines.samples.build import build
from pipelines.samples.recipe import SamplesRecipe

__all__ = ["SamplesRecipe", "build"]
