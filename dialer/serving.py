"""`python -m dialer.serving`, with Daphne's own options: Daphne that lets the talks end before it does.

Daphne on its own is gone 0.2 s after SIGTERM: everybody in a talk hears the line drop, and no stream is closed in the
tables. Here the first SIGTERM or SIGINT refuses new streams (`/health` says 503, so a proxy sends them elsewhere), goes
on serving everything else, and waits for the live talks, at most DRAIN_SECONDS; then, or at a second signal, what is
left is hung up and written down, the port is closed and the last answers are given.
"""

import asyncio
import logging
import signal
import threading
import time
from collections.abc import Callable
from typing import Any, Final

from daphne.cli import CommandLineInterface
from daphne.server import Server, twisted_loop

from dialer import long_running

logger = logging.getLogger(__name__)

EVERY: Final = 0.1
"""Seconds between two looks whether it is over."""
STAND_IN_EVERY: Final = 30.0
"""Seconds between two looks whether the workers look after stalled campaigns."""
LAST_ANSWERS: Final = 3.0
"""Seconds for requests that are being answered when the port is closed."""


class DrainingServer(Server):  # type: ignore[misc]  # daphne ships no types
    """Daphne with a patient end."""

    def __init__(self, **options: Any) -> None:
        super().__init__(**options | {"signal_handlers": False, "ready_callable": self._ready})
        self._hurried = False
        self._ending: asyncio.Task[None] | None = None
        self._ports: list[Any] = []

    def listen_success(self, port: Any) -> None:
        """Keep the port, to close it in the end."""
        self._ports.append(port)
        super().listen_success(port)

    def _ready(self) -> None:
        long_running.settle_in()
        threading.Thread(target=_stand_in, name="stand-in", daemon=True).start()
        for number in (signal.SIGTERM, signal.SIGINT):
            twisted_loop.add_signal_handler(number, self._asked_to_end)

    def _asked_to_end(self) -> None:
        if self._ending:
            self._hurried = True
        else:
            self._ending = twisted_loop.create_task(self._end())

    async def _end(self) -> None:
        try:
            await self._drain()
            await self._close_ports()
        finally:
            self.stop()

    async def _drain(self) -> None:
        from django.conf import settings

        from botbridge import consumers  # the application is loaded by now, and Django with it

        consumers.drain()
        if talks := consumers.live_streams():
            logger.info("ending; %d talks may go on for at most %d s", talks, settings.DRAIN_SECONDS)
        await self._until(lambda: not consumers.live_streams() or self._hurried, settings.DRAIN_SECONDS)
        await consumers.hang_up_all()

    async def _close_ports(self) -> None:
        for port in self._ports:
            port.stopListening()
        await self._until(lambda: not self._answering(), LAST_ANSWERS)

    async def _until(self, over: Callable[[], bool], seconds: float) -> None:
        until = twisted_loop.time() + seconds
        while not over() and twisted_loop.time() < until:  # noqa: ASYNC110 (what ends a talk knows nothing of us)
            await asyncio.sleep(EVERY)

    def _answering(self) -> bool:
        applications = (details.get("application_instance") for details in self.connections.values())
        return any(application and not application.done() for application in applications)


def _stand_in() -> None:
    """See to it that somebody is told when the clock and the workers are gone: they can tell nobody themselves."""
    from django.db import Error as DatabaseTrouble
    from django.db import connection

    from campaigns import stall_watch

    while True:
        time.sleep(STAND_IN_EVERY)
        try:
            stall_watch.stand_in()
        except DatabaseTrouble as trouble:
            logger.warning("cannot look whether campaigns are stalled: %s", trouble)
        finally:
            connection.close()


class Command(CommandLineInterface):  # type: ignore[misc]
    """Daphne's command line with our server."""

    server_class = DrainingServer


if __name__ == "__main__":
    Command.entrypoint()
