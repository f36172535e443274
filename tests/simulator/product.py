"""The product's side of a flow: a listener that notes each request and answers by its path."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from urllib.parse import parse_qs, urlsplit


@dataclass
class Asked:
    """One request as it came."""

    method: str
    path: str
    query: dict[str, str]
    headers: str
    body: bytes


@dataclass
class Product:
    """`answers` by path: the status line and body; `slow` paths are never answered."""

    url: str = ""
    answers: dict[str, tuple[str, bytes]] = field(default_factory=dict)
    slow: set[str] = field(default_factory=set)
    asked: list[Asked] = field(default_factory=list)

    def at(self, path: str) -> list[Asked]:
        return [one for one in self.asked if one.path == path]


@asynccontextmanager
async def product(**answers: tuple[str, bytes]) -> AsyncIterator[Product]:
    """A product on a free port; `answers` for /name/ by name, 200 without a body for all others."""
    seen = Product(answers={f"/{name}/": answer for name, answer in answers.items()})

    async def take(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        head = (await reader.readuntil(b"\r\n\r\n")).decode()
        lengths = [line for line in head.lower().split("\r\n") if line.startswith("content-length")]
        body = await reader.readexactly(int(lengths[0].split(":")[1])) if lengths else b""
        method, target, _ = head.split(" ", 2)
        parts = urlsplit(target)
        query = {name: values[0] for name, values in parse_qs(parts.query, keep_blank_values=True).items()}
        seen.asked.append(Asked(method, parts.path, query, head, body))
        if parts.path in seen.slow:
            await reader.read()
        else:
            status, answer = seen.answers.get(parts.path, ("200 OK", b""))
            length = f"Content-Length: {len(answer)}\r\nConnection: close\r\n\r\n"
            writer.write(f"HTTP/1.1 {status}\r\n{length}".encode() + answer)
            await writer.drain()
        writer.close()

    listening = await asyncio.start_server(take, "127.0.0.1", 0)
    async with listening:
        seen.url = f"http://127.0.0.1:{listening.sockets[0].getsockname()[1]}"
        yield seen
