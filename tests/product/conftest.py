"""A whole product for a test, gone without a trace after it."""

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.product.running import Product

Start = Callable[..., Product]


@pytest.fixture
def start(tmp_path: Path, request: pytest.FixtureRequest) -> Iterator[Start]:
    """Starts the product: start(SIMULATOR_SPEED="20"). What a test leaves running is stopped and held to be silent."""
    running: list[Product] = []

    def started(**environment: str) -> Product:
        folder = tmp_path / f"product{len(running)}"
        folder.mkdir()
        running.append(Product(folder, environment))
        running[-1].wait_until_up()
        return running[-1]

    failures = request.session.testsfailed
    try:
        yield started
        if request.session.testsfailed == failures:
            for product in running:
                if product.process.poll() is None:
                    product.stop()
    finally:
        for product in running:
            product.kill()


@pytest.fixture
def product(start: Start) -> Iterator[Product]:
    """One product at twenty times the carrier's speed, whose logs must stay free of warnings."""
    one = start(SIMULATOR_SPEED="20")
    yield one
    assert one.trouble() == []
