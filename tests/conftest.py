"""What every test gets: folders of its own for files, and a dial loop that was not told to stop by another test."""

import os
from collections.abc import Iterator
from pathlib import Path

import pytest
from django.contrib.auth.hashers import Argon2PasswordHasher
from django.test import override_settings

from campaigns import dialing

# A minute or nearly that, each: one that began last would keep the run waiting.
LONGEST = ("test_chaos.py", "test_accessibility.py", "test_protocol_machine.py")


@pytest.hookimpl(trylast=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """The longest begin first, one in each worker's share of the list; the others stay in their random order."""
    longest = [item for item in items if item.path.name in LONGEST]
    items[:] = [item for item in items if item not in longest]
    workers = int(os.environ.get("PYTEST_XDIST_WORKER_COUNT", "1"))
    share = (len(items) + len(longest)) // workers
    for place, item in enumerate(longest):
        items.insert(place % workers * share, item)


@pytest.fixture(autouse=True, scope="session")
def _passwords_cost_little() -> None:
    """A real hash takes a fifth of a second of both cores, and a thousand tests sign somebody in."""
    Argon2PasswordHasher.time_cost, Argon2PasswordHasher.memory_cost, Argon2PasswordHasher.parallelism = 1, 8, 1


@pytest.fixture(autouse=True)
def _own_folders(tmp_path: Path) -> Iterator[None]:
    """Rendered speech, uploads and what witnesses calls never reach the installation's own folders."""
    own = {"SPEECH_DIR": "speech", "MEDIA_ROOT": "media", "WITNESS_DIR": "witness"}
    with override_settings(**{name: tmp_path / folder for name, folder in own.items()}):
        yield


@pytest.fixture(autouse=True)
def _dialing_is_allowed() -> Iterator[None]:
    dialing.stopping.clear()
    yield
    dialing.stopping.clear()
