"""Reddit's ids as columns: base 36, with or without their `t1_` prefix, sometimes as numbers. Called by reddit_rows."""

from __future__ import annotations

from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from pipelines.sources.tables import RecordError
from pipelines.sources.values import Errors

_DIGITS = "0123456789abcdefghijklmnopqrstuvwxyz"


def base36(number: int) -> str:
    """A numeric id the way Reddit writes it."""
    digits = ""
    while number:
        number, digit = divmod(number, 36)
        digits = _DIGITS[digit] + digits
    return digits or "0"


def id_texts(values: list[Any]) -> pa.Array:
    """Ids as they stand; numbers are turned to base 36."""
    if set(map(type, values)) - {str, type(None)}:
        values = [base36(v) if isinstance(v, int) and v >= 0 else None if v is None else str(v) for v in values]
    return pa.array(values, pa.string())


def ids(texts: pa.Array, field: str, errors: Errors, *, required: bool) -> pa.Array:
    """`reddit:<base 36>` of ids with or without their `t1_` prefix."""
    bare = pc.ascii_lower(pc.replace_substring_regex(texts, r"^t[13]_", ""))
    good = pc.fill_null(pc.ascii_is_alnum(bare), not required)
    if not pc.all(good, min_count=0).as_py():
        for row in np.flatnonzero(~good.to_numpy(zero_copy_only=False)):
            errors.setdefault(int(row), str(RecordError(field, "a base 36 id", texts[int(row)].as_py())))
    return pc.binary_join_element_wise("reddit:", bare, "")


def parents(values: list[Any], post_id: pa.Array, errors: Errors) -> pa.Array:
    """The comment that is answered; null where the parent is the post."""
    texts = id_texts(values)
    found = ids(texts, "parent_id", errors, required=False)
    top = pc.or_kleene(pc.starts_with(texts, "t3_"), pc.equal(found, post_id))
    return pc.if_else(pc.fill_null(top, False), pa.scalar(None, pa.string()), found)
