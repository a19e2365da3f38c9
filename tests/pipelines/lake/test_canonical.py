import io

import pyarrow as pa
import pyarrow.compute as pc
import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipelines.lake.canonical import canonical

ROW = st.fixed_dictionaries(
    {
        "number": st.none() | st.integers(-(2**63), 2**63 - 1),
        "flag": st.none() | st.booleans(),
        "text": st.none() | st.text(max_size=5),
        "blob": st.none() | st.binary(min_size=4, max_size=4),
        "items": st.none() | st.lists(st.none() | st.floats(width=32, allow_nan=False), max_size=3),
        "media": st.none()
        | st.lists(st.none() | st.fixed_dictionaries({"kind": st.none() | st.text(max_size=3)}), max_size=3),
    }
)
SCHEMA = pa.schema(
    [
        pa.field("number", pa.int64()),
        pa.field("flag", pa.bool_()),
        pa.field("text", pa.string()),
        pa.field("blob", pa.binary(4)),
        pa.field("items", pa.list_(pa.float32())),
        pa.field("media", pa.list_(pa.struct([pa.field("kind", pa.string())]))),
    ]
)


def _bytes(table: pa.Table) -> bytes:
    sink = io.BytesIO()
    with pa.ipc.new_file(sink, table.schema) as writer:
        writer.write_table(table)
    return sink.getvalue()


@given(rows=st.lists(ROW, max_size=30), cut=st.integers(0, 30), extra=st.lists(ROW, max_size=9))
def test_equal_rows_give_equal_bytes_however_they_were_computed(rows, cut, extra):
    plain = pa.Table.from_pylist(rows, schema=SCHEMA)
    pieces = pa.concat_tables([plain.slice(0, cut), plain.slice(cut)])
    sliced = pa.concat_tables([pa.Table.from_pylist(extra, schema=SCHEMA), plain]).combine_chunks().slice(len(extra))
    filtered = pa.concat_tables([plain, pa.Table.from_pylist(extra, schema=SCHEMA)]).filter(
        pa.array([True] * len(rows) + [False] * len(extra), pa.bool_())
    )
    expected = canonical(plain)
    expected.validate(full=True)
    assert expected.to_pylist() == plain.to_pylist()
    assert {_bytes(canonical(other)) for other in (pieces, sliced, filtered)} <= {_bytes(expected)}


def test_what_lies_under_a_null_is_removed():
    hidden = pc.if_else(pa.array([True, False]), pa.array([7, 8]), pa.scalar(None, pa.int64()))
    values = pa.Array.from_buffers(pa.int64(), 2, [pa.py_buffer(b"\x01"), pa.array([7, 99]).buffers()[1]])
    assert values.to_pylist() == hidden.to_pylist() == [7, None]
    assert _bytes(canonical(pa.table({"a": values}))) == _bytes(canonical(pa.table({"a": hidden})))
    text = pa.Array.from_buffers(
        pa.string(), 2, [pa.py_buffer(b"\x01"), pa.array([0, 1, 4], pa.int32()).buffers()[1], pa.py_buffer(b"axyz")]
    )
    assert text.to_pylist() == ["a", None]
    assert _bytes(canonical(pa.table({"a": text}))) == _bytes(canonical(pa.table({"a": pa.array(["a", None])})))


def test_a_column_beyond_two_gib_is_refused():
    big = pa.chunked_array([pa.array(["x" * (1 << 20)])] * 2049)
    with pytest.raises(pa.ArrowInvalid, match=r"overflow|too large|2 GiB|capacity|offset"):
        canonical(pa.table({"a": big}))
