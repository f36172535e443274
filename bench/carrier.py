"""`python -m bench.carrier LATENCY_MS`: answers every dial with a Sid after that time, and does nothing else.

Cheap enough (raw sockets) never to be what is measured. Prints its port. It keeps the moment at which each dial came in
and the last ten digits of whom it rang, and answers any GET with the list of them. The moment is the kernel's own stamp
of the first bytes (SO_TIMESTAMPNS, socket(7)), told as the machine's monotonic clock, so that a carrier that was itself
late to run does not say that calls came together.
"""

import asyncio
import contextlib
import itertools
import json
import re
import socket
import struct
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator

_LENGTH = re.compile(rb"\r\ncontent-length: *(\d+)", re.IGNORECASE)
_sids = itertools.count(1)
_NUMBER = re.compile(rb"(?:^|&)from=[^&]*?([0-9]{10})(?:&|$)", re.IGNORECASE)
_SO_TIMESTAMPNS = 35  # of asm-generic/socket.h; Python has no name for it
_TIMESPEC = struct.Struct("@qq")
_arrivals: list[tuple[float, str]] = []


class Connection:
    """One connection, one request, as our client asks for it."""

    def __init__(self, accepted: socket.socket, latency: float) -> None:
        self._socket = accepted
        self._latency = latency
        self._received = b""
        self._at = 0.0
        accepted.setblocking(False)
        asyncio.get_running_loop().add_reader(accepted, self._read)

    def _read(self) -> None:
        try:
            data, ancillary, _flags, _address = self._socket.recvmsg(65_536, socket.CMSG_SPACE(_TIMESPEC.size))
        except ConnectionError:  # whoever asked was killed
            data, ancillary = b"", []
        self._at = self._at or _stamped(ancillary)
        self._received += data
        head, end, body = self._received.partition(b"\r\n\r\n")
        length = _LENGTH.search(head)
        if not data:
            self._close()
        elif end and head.startswith(b"GET"):
            self._answer(json.dumps(_arrivals).encode())
        elif end and len(body) >= (int(length.group(1)) if length else 0):
            number = _NUMBER.search(body)
            _arrivals.append((self._at, number.group(1).decode() if number else ""))
            asyncio.get_running_loop().remove_reader(self._socket)
            asyncio.get_running_loop().call_later(self._latency, self._accept)

    def _accept(self) -> None:
        self._answer(json.dumps({"Call": {"Sid": f"{next(_sids):032x}", "Status": "in-progress"}}).encode())

    def _answer(self, body: bytes) -> None:
        head = f"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: {len(body)}\r\n"
        self._socket.setblocking(True)  # a long ledger takes more than one packet
        with contextlib.suppress(ConnectionError):  # a worker that was stopped does not wait for its answer
            self._socket.sendall(f"{head}Connection: close\r\n\r\n".encode() + body)
        self._close()

    def _close(self) -> None:
        asyncio.get_running_loop().remove_reader(self._socket)
        self._socket.close()


def _stamped(ancillary: list[tuple[int, int, bytes]]) -> float:
    """When the kernel took in what was just read, by the monotonic clock; now, of what bears no stamp."""
    for level, kind, data in ancillary:
        if (level, kind) == (socket.SOL_SOCKET, _SO_TIMESTAMPNS):
            seconds, nanoseconds = map(int, _TIMESPEC.unpack(data))
            return time.monotonic() - (time.time() - seconds - nanoseconds / 1e9)
    return time.monotonic()


async def serve(latency: float) -> None:
    listening = socket.create_server(("127.0.0.1", 0), backlog=1024)
    listening.setsockopt(socket.SOL_SOCKET, _SO_TIMESTAMPNS, 1)  # what is accepted inherits it
    listening.setblocking(False)
    loop = asyncio.get_running_loop()
    print(listening.getsockname()[1], flush=True)
    while True:
        accepted, _address = await loop.sock_accept(listening)
        Connection(accepted, latency)


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
