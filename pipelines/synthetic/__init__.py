"""Synthetic raw dumps of Reddit and YouTube, at any size, in which what people do depends on what a picture shows."""

from pipelines.synthetic.summary import Summary
from pipelines.synthetic.synthesize import synthesize

__all__ = ["Summary", "synthesize"]
