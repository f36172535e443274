"""Sends status callbacks and the requests of flows, a connection each. I/O only.

Plain h11 over asyncio: measured, httpx cost 1.2 ms of CPU a callback here, which made the simulator the
bottleneck of every load test before the product was.
"""

import asyncio
import base64
import ssl
import time
from urllib.parse import SplitResult, unquote, urlsplit

import h11

from dialer.simulator.callbacks import TIMEOUT, Delivery, Posting
from dialer.simulator.exchange import Exchange
from dialer.simulator.passthru import TIMEOUT as PATIENCE
from dialer.simulator.world import Ask

AT_ONCE = 400
LARGEST_ANSWER = 65_536


class Courier:
    """Sends what the exchange wants told; redirects are not followed, as nothing says that Exotel does."""

    def __init__(self, exchange: Exchange) -> None:
        self._exchange = exchange
        self._turns = asyncio.Semaphore(AT_ONCE)
        self._tls = ssl.create_default_context()

    async def deliver(self, delivery: Delivery) -> None:
        """One try; the exchange learns the HTTP status, or that there was none."""
        async with self._turns:
            posting = self._exchange.posting(delivery, time.time())
            status: int | None = None
            try:
                async with asyncio.timeout(TIMEOUT):
                    status, _ = await self._send(posting)
            except (OSError, ValueError, h11.ProtocolError):  # TimeoutError is an OSError
                status = None
            self._exchange.delivered(delivery, status, time.time())

    async def ask(self, ask: Ask) -> None:
        """A flow's request; the exchange learns status and body. A redirect is an answer, nobody follows it."""
        status: int | None = None
        body = b""
        async with self._turns:
            try:
                async with asyncio.timeout(PATIENCE):
                    status, body = await self._send(ask.posting)
            except (OSError, ValueError, h11.ProtocolError):
                status = None
        self._exchange.asked(ask, status, body, time.time())

    async def _send(self, posting: Posting) -> tuple[int, bytes]:
        """Status and body of the answer, read to its end. OSError, ValueError or ProtocolError if there is none."""
        url = urlsplit(posting.url)
        tls = self._tls if url.scheme == "https" else None
        port = url.port or (443 if tls else 80)
        reader, writer = await asyncio.open_connection(url.hostname, port, ssl=tls)
        try:
            wire = h11.Connection(h11.CLIENT)
            writer.write(_written(wire, url, posting))
            return await _answer(wire, reader)
        finally:
            writer.close()


def _written(wire: h11.Connection, url: SplitResult, posting: Posting) -> bytes:
    target = (url.path or "/") + (f"?{url.query}" if url.query else "")
    headers = {"Host": url.netloc.rpartition("@")[2], **posting.headers, **_authorization(url)}
    headers |= {"Content-Length": str(len(posting.body)), "Connection": "close"}
    request = h11.Request(method=posting.method, target=target, headers=list(headers.items()))
    parts = [wire.send(event) for event in (request, h11.Data(data=posting.body), h11.EndOfMessage())]
    return b"".join(part for part in parts if part)


def _authorization(url: SplitResult) -> dict[str, str]:
    if url.username is None:
        return {}
    pair = f"{unquote(url.username)}:{unquote(url.password or '')}"
    return {"Authorization": "Basic " + base64.b64encode(pair.encode()).decode()}


async def _answer(wire: h11.Connection, reader: asyncio.StreamReader) -> tuple[int, bytes]:
    status, body = 0, b""
    while True:
        event = wire.next_event()
        if event is h11.NEED_DATA:
            wire.receive_data(await reader.read(65_536))
        elif isinstance(event, h11.Response):
            status = event.status_code
        elif isinstance(event, h11.Data):
            body = (body + event.data)[:LARGEST_ANSWER]
        elif isinstance(event, h11.EndOfMessage):
            return status, body
        elif isinstance(event, h11.ConnectionClosed):
            raise h11.RemoteProtocolError("closed without an answer")
