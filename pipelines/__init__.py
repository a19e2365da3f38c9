"""Pure Arrow functions over the lake's tables; `open_lake` is the way in for readers."""

from pipelines.lake.reader import Lake, open_lake

__all__ = ["Lake", "open_lake"]
