"""Which bucket a key belongs to: FNV-1a (64 bit, Fowler-Noll-Vo) with the finaliser of SplitMix64 (Steele et al. 2014).

Two implementations of one function: a loop over Arrow's bytes compiled by numba for columns, and plain Python for a
single key, so that a query by id needs no compiler. A test holds them equal.
"""

from __future__ import annotations

import functools
from collections.abc import Callable

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

_OFFSET, _PRIME = 0xCBF29CE484222325, 0x100000001B3
_MIX = ((30, 0xBF58476D1CE4E5B9), (27, 0x94D049BB133111EB))
_MASK = (1 << 64) - 1


def bucket_of(key: str, num_buckets: int) -> int:
    """The bucket of one key."""
    value = _OFFSET
    for byte in key.encode():
        value = ((value ^ byte) * _PRIME) & _MASK
    for shift, factor in _MIX:
        value = ((value ^ (value >> shift)) * factor) & _MASK
    return (value ^ (value >> 31)) % num_buckets


def buckets_of(keys: pa.Array | pa.ChunkedArray, num_buckets: int) -> npt.NDArray[np.int64]:
    """The buckets of a column of strings, shape (rows,); a null counts as the empty string."""
    if isinstance(keys, pa.ChunkedArray):
        keys = keys.combine_chunks() if keys.num_chunks != 1 else keys.chunk(0)
    if len(keys) == 0:
        return np.zeros(0, dtype=np.int64)
    if keys.null_count:
        keys = pc.fill_null(keys, "")
    offset_type = np.dtype(np.int64 if pa.types.is_large_string(keys.type) else np.int32)
    _, offsets, data = keys.buffers()
    positions = np.frombuffer(offsets, dtype=offset_type)[keys.offset : keys.offset + len(keys) + 1]
    content = np.frombuffer(data, dtype=np.uint8) if data is not None else np.zeros(0, dtype=np.uint8)
    return _compiled()(content, positions.astype(np.int64), np.uint64(num_buckets))


@functools.cache
def _compiled() -> Callable[..., npt.NDArray[np.int64]]:
    import numba

    offset, prime = np.uint64(_OFFSET), np.uint64(_PRIME)
    shift_a, factor_a = np.uint64(_MIX[0][0]), np.uint64(_MIX[0][1])
    shift_b, factor_b = np.uint64(_MIX[1][0]), np.uint64(_MIX[1][1])

    def run(content, positions, num_buckets):  # type: ignore[no-untyped-def]
        out = np.empty(len(positions) - 1, dtype=np.int64)
        for row in range(len(out)):
            value = offset
            for at in range(positions[row], positions[row + 1]):
                value = (value ^ np.uint64(content[at])) * prime
            value = (value ^ (value >> shift_a)) * factor_a
            value = (value ^ (value >> shift_b)) * factor_b
            out[row] = np.int64((value ^ (value >> np.uint64(31))) % num_buckets)
        return out

    return numba.njit(cache=True, nogil=True)(run)  # type: ignore[no-any-return]
