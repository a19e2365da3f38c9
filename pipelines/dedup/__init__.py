"""Which posts are copies of which: the pure halves of the global job `ray_jobs/dedup.py`.

`signatures` (per bucket of posts) -> rows partitioned by `key` -> `resolve` (per partition) -> star edges ->
`duplicates` (over all edges), the rows of the table of that name.
"""

from pipelines.dedup.clusters import duplicates
from pipelines.dedup.recipe import DedupRecipe
from pipelines.dedup.resolve import EDGES, resolve
from pipelines.dedup.signatures import SIGNATURES, signatures

__all__ = ["EDGES", "SIGNATURES", "DedupRecipe", "duplicates", "resolve", "signatures"]
