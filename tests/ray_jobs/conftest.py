"""One local Ray and one small finished lake for all tests that need them, made as a user makes them."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.ray_jobs.handmade import make_lake


@pytest.fixture(scope="session")
def local_ray() -> Iterator[None]:
    import ray

    from ray_jobs.runtime import start_ray

    start_ray(2)
    yield
    ray.shutdown()


@pytest.fixture(params=["inline", "ray"])
def engine(request: pytest.FixtureRequest) -> str:
    if request.param == "ray":
        request.getfixturevalue("local_ray")
    return str(request.param)


@pytest.fixture(scope="session")
def handmade(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A lake with all stages done on the dumps of `handmade.py`; tests only read it."""
    return make_lake(tmp_path_factory.mktemp("handmade"))
