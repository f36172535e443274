"""What every test gets: folders of its own for files, and a dial loop that was not told to stop by another test."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from django.test import override_settings

from campaigns import dialing


@pytest.fixture(autouse=True)
def _own_folders(tmp_path: Path) -> Iterator[None]:
    """Rendered speech and uploads never reach the installation's own folders."""
    with override_settings(SPEECH_DIR=tmp_path / "speech", MEDIA_ROOT=tmp_path / "media"):
        yield


@pytest.fixture(autouse=True)
def _dialing_is_allowed() -> Iterator[None]:
    dialing.stopping.clear()
    yield
    dialing.stopping.clear()
