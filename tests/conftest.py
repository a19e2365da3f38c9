"""What all tests share: hypothesis without wall-clock deadlines and with fixed seeds, and where the real data lie."""

from __future__ import annotations

import os
from pathlib import Path

import hypothesis
import pytest

hypothesis.settings.register_profile("postlake", deadline=None, derandomize=True, max_examples=60)
hypothesis.settings.load_profile("postlake")

REAL_DATA = Path(os.environ.get("POSTLAKE_REAL_DATA", Path(__file__).parents[2] / "shared" / "data"))


def pytest_runtest_setup(item: pytest.Item) -> None:
    if item.get_closest_marker("real") and not REAL_DATA.is_dir():
        pytest.skip("no real data beside the checkout (set POSTLAKE_REAL_DATA)")


@pytest.fixture
def real_data() -> Path:
    """The folder with the real data sets; tests that use it are marked `real`."""
    return REAL_DATA
