from __future__ import annotations

import pytest

from pipelines import open_lake
from ray_jobs.read import to_ray
from schemas.errors import LakeError
from tests.pipelines.lake.conftest import make_lake, post, write_table
from tests.pipelines.lake.readers import UGLY_POSTS, in_order, through_pyarrow

__all__ = ["make_lake"]


@pytest.mark.usefixtures("local_ray")
def test_ray_data_reads_what_was_written_in_the_declared_schema(make_lake):
    draft = make_lake(5)
    ugly = [post(100 + number, **values) for number, values in enumerate(UGLY_POSTS)]
    draft.update({"posts": write_table(draft, "posts", ugly)})
    draft.publish("ugly")
    uri = draft.store.uri
    assert in_order(to_ray(uri, "posts").take_all()) == in_order(through_pyarrow(uri, "posts"))
    first = to_ray(uri, "posts@1", columns=["likes", "post_id"])
    assert first.columns() == ["likes", "post_id"]
    assert sorted(row["likes"] for row in first.take_all()) == [0, 1, 2, 3, 4]
    assert to_ray(uri, "posts").schema().base_schema.equals(open_lake(uri).table("posts").schema)


def test_an_unknown_version_is_refused_before_ray_starts(make_lake):
    with pytest.raises(LakeError, match="no such version"):
        to_ray(make_lake(1).store.uri, "posts@9")
