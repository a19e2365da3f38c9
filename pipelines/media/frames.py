"""Keyframes by media id, out of the lake's shards without reading them whole: what feeds a trainer."""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections import OrderedDict
from dataclasses import dataclass

import pyarrow as pa
import pyarrow.ipc

from pipelines.lake.buckets import bucket_of
from pipelines.lake.reader import Lake
from schemas.errors import LakeError
from schemas.manifest import Shard

_CACHED_BATCHES = 8


@dataclass(frozen=True)
class _Index:
    """Where each keyframe of a shard lies: media ids in order, and the first row of each batch."""

    media_ids: list[str]
    first_rows: list[int]


class Frames:
    """Random access to `keyframes`; batches are about 8 MiB, and the last few stay in memory."""

    def __init__(self, lake: Lake) -> None:
        self._lake = lake
        manifest = lake.manifest("keyframes")
        self._shards: dict[int, list[Shard]] = {}
        for shard in manifest.shards if manifest else ():
            self._shards.setdefault(shard.bucket, []).append(shard)
        self._indices: dict[str, _Index] = {}
        self._batches: OrderedDict[tuple[str, int], list[bytes]] = OrderedDict()

    def jpegs(self, media_id: str) -> list[bytes]:
        """The JPEGs of a media object in scene order; LakeError if the lake has none of it."""
        found: list[bytes] = []
        for shard in self._shards.get(bucket_of(media_id, self._lake.settings.buckets), []):
            # The first key column is media_id, so the shard's bounds tell whether it can hold any.
            if str(shard.key_min[0]) <= media_id <= str(shard.key_max[0]):
                found += self._of_shard(shard, media_id)
        if not found:
            raise LakeError("no keyframes of this media object", where=self._lake.store.uri, got=media_id)
        return found

    def _of_shard(self, shard: Shard, media_id: str) -> list[bytes]:
        index = self._indices.get(shard.path)
        if index is None:
            index = self._indices[shard.path] = self._read_index(shard)
        first, last = bisect_left(index.media_ids, media_id), bisect_right(index.media_ids, media_id)
        found = []
        for row in range(first, last):
            number = bisect_right(index.first_rows, row) - 1
            found.append(self._batch(shard, number)[row - index.first_rows[number]])
        return found

    def _read_index(self, shard: Shard) -> _Index:
        options = pa.ipc.IpcReadOptions(included_fields=[0])
        with self._lake.store.arrow(shard.path) as file, pa.ipc.open_file(file, options=options) as reader:
            media_ids: list[str] = []
            first_rows = []
            for number in range(reader.num_record_batches):
                first_rows.append(len(media_ids))
                media_ids += reader.get_batch(number).column("media_id").to_pylist()
        return _Index(media_ids, first_rows)

    def _batch(self, shard: Shard, number: int) -> list[bytes]:
        key = (shard.path, number)
        if key in self._batches:
            self._batches.move_to_end(key)
            return self._batches[key]
        with self._lake.store.arrow(shard.path) as file, pa.ipc.open_file(file) as reader:
            jpegs: list[bytes] = reader.get_batch(number).column("jpeg").to_pylist()
        self._batches[key] = jpegs
        if len(self._batches) > _CACHED_BATCHES:
            self._batches.popitem(last=False)
        return jpegs
