"""A simulator to talk to: pure (an exchange with a clock in hand) or running on a free port."""

import asyncio
import socket
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, replace
from pathlib import Path

import httpx
import pytest

from dialer.simulator.__main__ import server
from dialer.simulator.ledger import Ledger, read
from dialer.simulator.options import Options


@dataclass
class Running:
    """A simulator that listens, and a client that may ask it."""

    options: Options
    client: httpx.AsyncClient

    def ledger(self) -> Ledger:
        return read(self.options.ledger)

    async def connect(self, number: str, **form: str) -> httpx.Response:
        return await self.connect_within(20.0, number, **form)

    async def connect_within(self, seconds: float, number: str, **form: str) -> httpx.Response:
        data = {
            "From": number,
            "CallerId": "08047491899",
            "Url": "http://my.exotel.com/simulated/exoml/start_voice/1",
        } | form
        if "StreamUrl" in form:
            data |= {"StreamType": form.get("StreamType", "bidirectional"), "Url": ""}
        return await self.client.post("/v1/Accounts/simulated/Calls/connect.json", data=data, timeout=seconds)

    async def until(self, true: Callable[[Ledger], object], seconds: float = 8.0) -> Ledger:
        """The ledger as soon as it says so."""
        return await self.until_ledger(self.options.ledger, true, seconds)

    async def until_ledger(self, path: Path, true: Callable[[Ledger], object], seconds: float = 8.0) -> Ledger:
        async with asyncio.timeout(seconds):
            while True:
                book = read(path)
                if true(book):
                    return book
                await asyncio.sleep(0.02)

    async def until_time(self, at: float) -> None:
        await asyncio.sleep(max(0.0, at - time.time()))


def free_port() -> int:
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        return int(listener.getsockname()[1])


@asynccontextmanager
async def listening(port: int) -> AsyncIterator[Running]:
    """A simulator in a process of its own, once it answers."""
    async with _client(f"http://127.0.0.1:{port}") as client:
        async with asyncio.timeout(15):
            while not await _answers(client):  # noqa: ASYNC110 - another process has no event of ours
                await asyncio.sleep(0.05)
        yield Running(Options(port=port), client)


@asynccontextmanager
async def running(options: Options) -> AsyncIterator[Running]:
    """A simulator in this event loop."""
    instance = server(options)
    task = asyncio.create_task(instance.serve())
    async with asyncio.timeout(10):
        while not instance.started:  # noqa: ASYNC110 - uvicorn has a flag, no event
            await asyncio.sleep(0.01)
    async with _client(options.base_url) as client:
        yield Running(options, client)
    instance.should_exit = True
    await task


async def _answers(client: httpx.AsyncClient) -> bool:
    try:
        return (await client.get("/_simulator/health")).is_success
    except httpx.ConnectError:
        return False


def _client(base_url: str) -> httpx.AsyncClient:
    return httpx.AsyncClient(base_url=base_url, auth=("simulator", "simulator"), trust_env=False, timeout=20)


Start = Callable[..., Awaitable[Running]]


@pytest.fixture
async def start(tmp_path: Path) -> AsyncIterator[Start]:
    """Starts simulators at speed 50; options by keyword."""
    async with AsyncExitStack() as stack:

        async def go(**options: object) -> Running:
            plain = Options(port=free_port(), ledger=tmp_path / "ledger.jsonl", speed=50.0)
            return await stack.enter_async_context(running(replace(plain, **options)))  # type: ignore[arg-type]

        yield go
