"""One local Ray for all tests that need it, started by the same code as a user's, and stopped at the end."""

from __future__ import annotations

from collections.abc import Iterator

import pytest


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
