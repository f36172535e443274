"""`python -m bench.carrier LATENCY_MS`: answers every dial with a Sid after that time, and does nothing else.

Cheap enough (a raw asyncio protocol) never to be what is measured. Prints its port. It keeps the moment at which each
dial came in (the first byte, by the machine's monotonic clock) and the last ten digits of whom it rang, and answers any
GET with the list of them.
"""

import asyncio
import contextlib
import itertools
import json
import re
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator

_LENGTH = re.compile(rb"\r\ncontent-length: *(\d+)", re.IGNORECASE)
_sids = itertools.count(1)
_NUMBER = re.compile(rb"(?:^|&)from=[^&]*?([0-9]{10})(?:&|$)", re.IGNORECASE)
_arrivals: list[tuple[float, str]] = []


class Carrier(asyncio.Protocol):
    """One connection, one request, as our client asks for it."""

    def __init__(self, latency: float) -> None:
        self._latency = latency
        self._received = b""
        self._at = 0.0
        self._transport: asyncio.Transport | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        self._transport = transport

    def data_received(self, data: bytes) -> None:
        self._at = self._at or time.monotonic()
        self._received += data
        head, end, body = self._received.partition(b"\r\n\r\n")
        length = _LENGTH.search(head)
        if end and head.startswith(b"GET"):
            self._answer(json.dumps(_arrivals).encode())
        elif end and len(body) >= (int(length.group(1)) if length else 0):
            number = _NUMBER.search(body)
            _arrivals.append((self._at, number.group(1).decode() if number else ""))
            asyncio.get_running_loop().call_later(self._latency, self._accept)

    def _accept(self) -> None:
        self._answer(json.dumps({"Call": {"Sid": f"{next(_sids):032x}", "Status": "in-progress"}}).encode())

    def _answer(self, body: bytes) -> None:
        head = f"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: {len(body)}\r\n"
        if self._transport is not None:
            self._transport.write(f"{head}Connection: close\r\n\r\n".encode() + body)
            self._transport.close()


async def serve(latency: float) -> None:
    server = await asyncio.get_running_loop().create_server(lambda: Carrier(latency), "127.0.0.1", 0, backlog=1024)
    print(server.sockets[0].getsockname()[1], flush=True)
    await server.serve_forever()


def ledger_of(address: str) -> list[float]:
    """When the dials came in that the carrier at this address took, in order."""
    return sorted(at for at, _ in dials_of(address))


def dials_of(address: str) -> list[tuple[float, str]]:
    """Each dial that the carrier took: when, and the last ten digits of the number."""
    with urllib.request.urlopen(address) as answer:
        return [(at, number) for at, number in json.load(answer)]


@contextlib.contextmanager
def carrier(latency_ms: int) -> Iterator[str]:
    """A carrier in a process of its own; gives its address."""
    command = [sys.executable, "-m", "bench.carrier", str(latency_ms)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        try:
            assert process.stdout is not None
            yield f"http://127.0.0.1:{int(process.stdout.readline())}"
        finally:
            process.terminate()


if __name__ == "__main__":
    asyncio.run(serve(int(sys.argv[1]) / 1000))
