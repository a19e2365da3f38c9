"""One physical form for equal Arrow values, so that equal tables give equal file bytes.

Arrow leaves open what lies under a null and where an array starts in its buffers; both depend on how a table was
computed. Here nulls cover zeros or nothing, arrays start at 0, and an array without nulls has no validity bitmap.
"""

from __future__ import annotations

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc


def canonical(table: pa.Table) -> pa.Table:
    """The same values and schema, one chunk a column, in canonical buffers."""
    arrays = []
    for column in table.columns:
        whole = column.combine_chunks() if column.num_chunks != 1 else column.chunk(0)
        if isinstance(whole, pa.ChunkedArray):
            raise pa.ArrowCapacityError("a column of more than 2 GiB of text must be split before it is written")
        arrays.append(_array(whole))
    return pa.Table.from_arrays(arrays, schema=table.schema)


def _array(array: pa.Array) -> pa.Array:
    kind = array.type
    if pa.types.is_struct(kind):
        return _struct(array)
    if pa.types.is_list(kind):
        return _list(array)
    if pa.types.is_boolean(kind):
        values = pc.fill_null(array, False).to_numpy(zero_copy_only=False)
        return pa.Array.from_buffers(kind, len(array), [_validity(array), _bits(values)])
    if pa.types.is_string(kind) or pa.types.is_binary(kind):
        return _bytes(array)
    if pa.types.is_null(kind):
        return array
    return _fixed_width(array)


def _bits(mask: np.ndarray) -> pa.Buffer:
    return pa.py_buffer(np.packbits(mask, bitorder="little").tobytes())


def _validity(array: pa.Array) -> pa.Buffer | None:
    if array.null_count == 0:
        return None
    return _bits(pc.is_valid(array).to_numpy(zero_copy_only=False))


def _fixed_width(array: pa.Array) -> pa.Array:
    if array.null_count == 0 and array.offset == 0:
        return array
    width = array.type.bit_width // 8
    data = array.buffers()[1]
    if data is None:
        return pa.Array.from_buffers(
            array.type, len(array), [_validity(array), pa.py_buffer(bytes(len(array) * width))]
        )
    raw = np.frombuffer(data, dtype=np.uint8)[array.offset * width : (array.offset + len(array)) * width]
    values = raw.reshape(len(array), width).copy()
    if array.null_count:
        values[pc.is_null(array).to_numpy(zero_copy_only=False)] = 0
    return pa.Array.from_buffers(array.type, len(array), [_validity(array), pa.py_buffer(values.reshape(-1))])


def _bytes(array: pa.Array) -> pa.Array:
    _, offsets, data = array.buffers()
    if offsets is None or data is None:
        positions = np.zeros(len(array) + 1, dtype=np.int32)
        return pa.Array.from_buffers(
            array.type, len(array), [_validity(array), pa.py_buffer(positions), pa.py_buffer(b"")]
        )
    positions = np.frombuffer(offsets, dtype=np.int32)[array.offset : array.offset + len(array) + 1]
    if array.null_count:
        lengths = np.diff(positions)
        if lengths[pc.is_null(array).to_numpy(zero_copy_only=False)].any():
            return _bytes_under_nulls(array)
    first, last = int(positions[0]), int(positions[-1])
    if first == 0 and array.offset == 0 and not array.null_count and data.size == last:
        return array
    return pa.Array.from_buffers(
        array.type,
        len(array),
        [_validity(array), pa.py_buffer((positions - first).astype(np.int32)), data.slice(first, last - first)],
    )


def _bytes_under_nulls(array: pa.Array) -> pa.Array:
    """Bytes lie under a null: drop them, then set the nulls again."""
    filled = pc.fill_null(array, b"" if pa.types.is_binary(array.type) else "")
    _, offsets, data = filled.buffers()
    return pa.Array.from_buffers(array.type, len(array), [_validity(array), offsets, data])


def _list(array: pa.Array) -> pa.Array:
    lengths = pc.fill_null(pc.list_value_length(array), 0).to_numpy(zero_copy_only=False)
    positions = np.zeros(len(array) + 1, dtype=np.int32)
    np.cumsum(lengths, out=positions[1:])
    values = _array(array.flatten())
    return pa.Array.from_buffers(array.type, len(array), [_validity(array), pa.py_buffer(positions)], children=[values])


def _struct(array: pa.Array) -> pa.Array:
    children = [_array(child) for child in array.flatten()]
    return pa.Array.from_buffers(array.type, len(array), [_validity(array)], children=children)
