"""Posts status callbacks. I/O only."""

import asyncio
import time

import httpx

from dialer.simulator.callbacks import TIMEOUT, Delivery
from dialer.simulator.exchange import Exchange

AT_ONCE = 400


class Courier:
    """Sends what the exchange wants told; redirects are not followed, as nothing says that Exotel does."""

    def __init__(self, exchange: Exchange) -> None:
        self._exchange = exchange
        self._turns = asyncio.Semaphore(AT_ONCE)
        self._client = httpx.AsyncClient(
            timeout=TIMEOUT,
            follow_redirects=False,
            trust_env=False,
            limits=httpx.Limits(max_connections=None, max_keepalive_connections=0),
        )

    async def deliver(self, delivery: Delivery) -> None:
        """One try; the exchange learns the HTTP status, or that there was none."""
        async with self._turns:
            posting = self._exchange.posting(delivery, time.time())
            try:
                async with asyncio.timeout(TIMEOUT):
                    answer = await self._client.post(posting.url, content=posting.body, headers=posting.headers)
                status: int | None = answer.status_code
            except (httpx.HTTPError, httpx.InvalidURL, OSError):
                status = None
            self._exchange.delivered(delivery, status, time.time())

    async def close(self) -> None:
        await self._client.aclose()
