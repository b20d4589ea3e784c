"""Fixtures of the loader tests."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.loaders.sources import Shop


@pytest.fixture
def shop(tmp_path: Path) -> Shop:
    """A folder, a mapping and a real store."""
    return Shop(tmp_path)
