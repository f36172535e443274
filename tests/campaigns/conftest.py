"""A far side for the tests that ask Exotel something, and an operator."""

from collections.abc import Iterator

import pytest

from campaigns.models import User
from tests.campaigns.far_side import FarSide, far_side


@pytest.fixture(scope="module")
def exotel(tmp_path_factory: pytest.TempPathFactory) -> Iterator[FarSide]:
    """One simulator for a file: its calls are told apart by their numbers."""
    with far_side(tmp_path_factory.mktemp("simulator")) as running:
        yield running


@pytest.fixture
def meera(db: None) -> User:
    return User.objects.create_user("meera", password="a long enough secret", first_name="Meera")
