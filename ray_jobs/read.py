"""A lake's table as a Ray Dataset, for users who go on in Ray: one block a shard, each in the declared schema."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import TYPE_CHECKING

import pyarrow as pa

from pipelines.lake.reader import open_lake
from pipelines.lake.shards import read_shard
from pipelines.storage import Store
from ray_jobs.runtime import start_ray
from schemas import TABLES
from schemas.manifest import Shard

if TYPE_CHECKING:
    import ray.data


def to_ray(lake: str, name: str, *, columns: Sequence[str] | None = None) -> ray.data.Dataset:
    """Accepted rows of `TABLE` or `TABLE@N` as a Ray Dataset; joins the cluster of RAY_ADDRESS or starts a local Ray.

    Raises LakeError if there is no such lake, table or version.

    >>> to_ray("s3://bucket/lake", "posts@12", columns=["post_id", "likes"])        # doctest: +SKIP
    """
    import ray.data

    at, table = open_lake(lake).resolve(name)
    manifest = at.manifest(table)
    assert manifest is not None
    wanted = list(columns) if columns is not None else TABLES[table].schema.names
    start_ray()
    if not manifest.shards:
        return ray.data.from_arrow(TABLES[table].schema.empty_table().select(wanted))
    uri = at.store.uri

    def read(batch: pa.Table) -> pa.Table:
        shards = [Shard.model_validate(json.loads(text)) for text in batch["shard"].to_pylist()]
        tables = [read_shard(Store(uri), TABLES[table], shard, columns=wanted) for shard in shards]
        return pa.concat_tables(tables)

    rows = [{"shard": shard.model_dump_json()} for shard in manifest.shards]
    return ray.data.from_items(rows, override_num_blocks=len(rows)).map_batches(
        read, batch_size=None, batch_format="pyarrow"
    )
