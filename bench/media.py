"""What a stream costs: the web process with the echo bot beside the bare echo of the vendor's guide.

Each stream sends paced audio as a telephone does and gets it back. Latency counts from the moment a frame was *due*, so
a stall is never hidden. CPU is the server's own, which other load on the machine hardly changes.
"""

import asyncio
import contextlib
import itertools
import os
import statistics
import subprocess
import sys
import time
from collections import deque
from collections.abc import AsyncIterator, Iterator
from dataclasses import dataclass, field

import psutil
from websockets.asyncio.client import ClientConnection, connect

from bench.table import Row
from campaigns import tokens
from campaigns.lifecycle import AttemptState
from dialer import installation
from tests import people
from tests.botbridge.far_end import media_frame, start_frame

STREAMS = 50
SECONDS = 4.0  # of each window
SETTLE = 0.5
LAST_REPLIES = 0.3
CHUNK = 3_200  # bytes: 200 ms, the smallest that may be sent back, so each frame has one reply
FRAME = 320  # bytes: 20 ms, as captured


@dataclass
class Window:
    """What one window saw."""

    waits: list[float] = field(default_factory=list)  # seconds from due to reply
    frames: int = 0
    cpu: float = 0.0  # seconds of the server's
    lateness: list[float] = field(default_factory=list)  # of our own sending

    def milliseconds(self, percent: int) -> float:
        return 1000 * statistics.quantiles(self.waits, n=100)[percent - 1]

    @property
    def per_frame(self) -> float:
        return 1e6 * self.cpu / max(self.frames, 1)

    @property
    def streams_per_core(self) -> float:
        return STREAMS * SECONDS / self.cpu


def measure(runs: int) -> list[Row]:
    """The rows of the part; about 15 s a run."""
    with _bare() as (bare, bare_pid), _product() as (ours, our_pid):
        found = [
            (
                _window([f"{bare}/"] * STREAMS, bare_pid, CHUNK),
                _window(_addresses(ours), our_pid, CHUNK),
                _window([f"{bare}/"] * STREAMS, bare_pid, FRAME),
                _window(_addresses(ours), our_pid, FRAME),
            )
            for _ in range(runs)
        ]
    return [*_chunks(found), *_frames(found)]


Found = list[tuple[Window, Window, Window, Window]]


def _chunks(found: Found) -> list[Row]:
    bare, ours = "bare echo", "the echo bot"
    rows = []
    for percent in (50, 99):
        of = f"{bare}: {STREAMS} streams, reply p{percent}"
        rows.append(Row(of, "ms", [each[0].milliseconds(percent) for each in found]))
        rows.append(Row(f"{ours}: reply p{percent}", "ms", [each[1].milliseconds(percent) for each in found], of=of))
    of = f"{bare}: CPU a frame of 200 ms and its reply"
    rows.append(Row(of, "us", [each[0].per_frame for each in found]))
    rows.append(Row(f"{ours}: CPU a frame of 200 ms and its reply", "us", [each[1].per_frame for each in found], of=of))
    return rows


def _frames(found: Found) -> list[Row]:
    of = "bare echo of 20 ms frames: streams a core, by CPU"
    bare, ours = [each[2].streams_per_core for each in found], [each[3].streams_per_core for each in found]
    late = [1000 * statistics.quantiles(each[3].lateness, n=100)[98] for each in found]
    return [
        Row(of, "streams", bare),
        Row("the echo bot with 20 ms frames: streams a core, by CPU", "streams", ours, of=of),
        Row("(our own sending late, p99)", "ms", late),
    ]


def _addresses(web: str) -> list[str]:
    """An address each for as many calls as there are streams."""
    campaign = people.campaign(mode="bot", bot="echo", bot_options={"max_seconds": "600"})
    calls = [people.attempt(people.contact(campaign), AttemptState.PLACED) for _ in range(STREAMS)]
    return [f"{web}/x/ws/{tokens.mint('stream', str(call.pk))}" for call in calls]


@contextlib.contextmanager
def _bare() -> Iterator[tuple[str, int]]:
    with subprocess.Popen([sys.executable, "-m", "bench.echo"], stdout=subprocess.PIPE, text=True) as process:
        try:
            assert process.stdout is not None
            yield f"ws://127.0.0.1:{int(process.stdout.readline())}", process.pid
        finally:
            process.terminate()


@contextlib.contextmanager
def _product() -> Iterator[tuple[str, int]]:
    port = next(port for port in itertools.count(18_500) if installation.port_is_free(port))
    command = ("-m", "dialer.serving", "-b", "127.0.0.1", "-p", str(port), "-v", "0", "--websocket_timeout", "-1")
    values = {"PORT": str(port), "DRAIN_SECONDS": "0", "DATABASE_POOL": "1", "MAX_STREAMS": "5000"}
    with subprocess.Popen(
        [sys.executable, *command, "dialer.asgi:application"], env=os.environ | values, stdin=subprocess.DEVNULL
    ) as process:
        try:
            while installation.port_is_free(port) and process.poll() is None:
                time.sleep(0.1)
            yield f"ws://127.0.0.1:{port}", process.pid
        finally:
            process.terminate()


def _window(addresses: list[str], pid: int, size: int) -> Window:
    return asyncio.run(_streams(addresses, psutil.Process(pid), size))


async def _streams(addresses: list[str], server: psutil.Process, size: int) -> Window:
    window, step = Window(), size / 16_000
    async with contextlib.AsyncExitStack() as stack:
        sockets = await asyncio.gather(*(stack.enter_async_context(_talk(address)) for address in addresses))
        await asyncio.sleep(SETTLE)
        before, begins = sum(server.cpu_times()[:2]), time.perf_counter()
        async with asyncio.TaskGroup() as streams:
            for number, socket in enumerate(sockets):
                streams.create_task(_stream(socket, begins + number / len(sockets) * step, size, window))
        window.cpu = sum(server.cpu_times()[:2]) - before
    return window


@contextlib.asynccontextmanager
async def _talk(address: str) -> AsyncIterator[ClientConnection]:
    """A stream that echoes already."""
    async with connect(address, proxy=None, compression=None, ping_interval=None) as socket:
        await socket.send(start_frame(call_sid=""))
        await socket.send(media_frame(bytes(CHUNK)))
        await socket.recv()
        yield socket


async def _stream(socket: ClientConnection, begins: float, size: int, window: Window) -> None:
    due: deque[float] = deque()
    frame, step = media_frame(os.urandom(size)), size / 16_000
    hearing = asyncio.create_task(_hear(socket, due, window))
    for number in range(round(SECONDS / step)):
        moment = begins + number * step
        await asyncio.sleep(moment - time.perf_counter())
        window.lateness.append(time.perf_counter() - moment)
        window.frames += 1
        due.append(moment)
        await socket.send(frame)
    await asyncio.sleep(LAST_REPLIES)
    hearing.cancel()


async def _hear(socket: ClientConnection, due: deque[float], window: Window) -> None:
    async for _ in socket:
        window.waits.append(time.perf_counter() - due.popleft())
