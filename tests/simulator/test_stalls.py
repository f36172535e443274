"""With --stalls the ledger says when the simulator itself was late; a judge of the pace needs to know."""

import asyncio
import time
from pathlib import Path

import pytest

from dialer.simulator.asgi import Application
from dialer.simulator.ledger import read
from dialer.simulator.options import Options


async def live(options: Options, *, stand_still: float) -> None:
    """A simulator from its start to its end, which stands still in between."""
    application, told = Application(options), asyncio.Queue[dict[str, str]]()

    async def send(_: object) -> None:
        return

    told.put_nowait({"type": "lifespan.startup"})
    life = asyncio.create_task(application({"type": "lifespan"}, told.get, send))
    await asyncio.sleep(0.1)
    time.sleep(stand_still)  # noqa: ASYNC251 - what is tested
    await asyncio.sleep(0.1)
    told.put_nowait({"type": "lifespan.shutdown"})
    await life


@pytest.mark.parametrize("tells", [True, False])
def test_a_simulator_that_stood_still_says_so_if_it_is_asked_to(tmp_path: Path, tells: bool) -> None:
    options = Options(ledger=tmp_path / "ledger.jsonl", stalls=tells)
    asyncio.run(live(options, stand_still=0.3))
    longest = max((entry["seconds"] for entry in read(options.ledger).of("stalled")), default=0.0)
    assert (longest > 0.25) == tells
