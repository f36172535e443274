"""A whole product for a test, gone without a trace after it."""

import json
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from tests.product.running import Product

Start = Callable[..., Product]

# The blended flow of the launch post: who reaches the bot's goal talks to a human for two minutes (of the carrier).
FLOWS = {
    "flows": {
        "926": {
            "name": "Disclosure, bot, human",
            "applets": {
                "disclosure": {"applet": "Greeting", "seconds": 3, "next": "bot"},
                "bot": {"applet": "Voicebot", "url": "{dynamic_url}", "next": "told"},
                "told": {"applet": "Passthru", "url": "{passthru_url}", "on_200": "goodbye", "on_302": "human"},
                "goodbye": {"applet": "Greeting", "seconds": 2},
                "human": {"applet": "Connect", "rings": 6, "talks": 120},
            },
        }
    }
}


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


@contextmanager
def lasting(folder: Path, request: pytest.FixtureRequest, **environment: str) -> Iterator[Product]:
    """A product for all tests of a module. It is stopped and held to be silent, unless one of them failed."""
    product = Product(folder, environment)
    failures = request.session.testsfailed
    try:
        product.wait_until_up()
        yield product
        if request.session.testsfailed == failures:
            assert product.trouble() == []
            product.stop()
    finally:
        product.kill()


@pytest.fixture(scope="module")
def shared(tmp_path_factory: pytest.TempPathFactory, request: pytest.FixtureRequest) -> Iterator[Product]:
    """One product for all browser tests of a module, at twelve times the carrier's speed, with flow 926 of its own."""
    folder = tmp_path_factory.mktemp("shared")
    flows = folder / "flows.json"
    flows.write_text(json.dumps(FLOWS), encoding="utf-8")
    with lasting(folder, request, SIMULATOR_SPEED="12", SIMULATOR_FLOWS=str(flows)) as product:
        yield product
