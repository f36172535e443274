"""The far side of the simulator in its own tests: a bot and a callback receiver, bare."""

import asyncio
import base64
import json
import struct
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

from websockets.asyncio.server import ServerConnection, serve
from websockets.exceptions import ConnectionClosed

SPEECH = base64.b64encode(struct.pack("<1600h", *([6000, -6000] * 800))).decode()  # 200 ms


@dataclass
class Bot:
    """A bot that keeps what it got; `after_start` says what it does."""

    url: str = ""
    path: str = ""
    headers: dict[str, str] = field(default_factory=dict)
    frames: list[str] = field(default_factory=list)
    closed: asyncio.Event = field(default_factory=asyncio.Event)
    close_code: int | None = None

    def events(self) -> list[dict[str, Any]]:
        return [json.loads(frame) for frame in self.frames]

    def of(self, event: str) -> list[dict[str, Any]]:
        return [message for message in self.events() if message["event"] == event]


Act = Callable[[ServerConnection, dict[str, Any]], Awaitable[None]]


@asynccontextmanager
async def bot(act: Act) -> AsyncIterator[Bot]:
    """A bot listening on a free port; `act` is called with each message it gets."""
    seen = Bot()

    async def hold(socket: ServerConnection) -> None:
        assert socket.request
        seen.path, seen.headers = socket.request.path, dict(socket.request.headers.raw_items())
        try:
            async for frame in socket:
                seen.frames.append(str(frame))
                await act(socket, json.loads(frame))
        except ConnectionClosed:
            pass
        seen.close_code = socket.close_code
        seen.closed.set()

    async with serve(hold, "127.0.0.1", 0, compression=None) as listening:
        seen.url = f"ws://user:pass@127.0.0.1:{listening.sockets[0].getsockname()[1]}/ws/token/"
        yield seen


async def listen(socket: ServerConnection, message: dict[str, Any]) -> None:
    """Do nothing."""


async def speak_and_mark(socket: ServerConnection, message: dict[str, Any]) -> None:
    """After the start one second of speech and a mark; close after the first key."""
    if message["event"] == "start":
        for _ in range(5):
            await socket.send(json.dumps({"event": "media", "media": {"payload": SPEECH}}))
        await socket.send(json.dumps({"event": "mark", "mark": {"name": "said"}}))
    if message["event"] == "dtmf":
        await socket.close()


@dataclass
class Receiver:
    """Callbacks as they came: head and body of each POST."""

    url: str = ""
    posts: list[tuple[str, bytes]] = field(default_factory=list)
    status: int = 200


@asynccontextmanager
async def receiver() -> AsyncIterator[Receiver]:
    """A callback receiver on a free port; it reads raw bytes, so that the test sees them."""
    seen = Receiver()

    async def take(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        head = (await reader.readuntil(b"\r\n\r\n")).decode()
        length = next(line for line in head.lower().split("\r\n") if line.startswith("content-length"))
        seen.posts.append((head, await reader.readexactly(int(length.split(":")[1]))))
        writer.write(f"HTTP/1.1 {seen.status} x\r\nContent-Length: 0\r\nConnection: close\r\n\r\n".encode())
        await writer.drain()
        writer.close()

    listening = await asyncio.start_server(take, "127.0.0.1", 0)
    async with listening:
        seen.url = f"http://127.0.0.1:{listening.sockets[0].getsockname()[1]}/callback/?key=1"
        yield seen
