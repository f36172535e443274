"""Talks that an operator ends: asked for in the database, looked for once a second by the process that has them."""

from __future__ import annotations

import asyncio
import logging
from typing import Final
from weakref import WeakKeyDictionary

from django.db import InterfaceError, OperationalError

from botbridge.doors import Doors, through
from botbridge.live import LiveStream

logger = logging.getLogger(__name__)

EVERY: Final = 1.0


class HangUps:
    """The talks of one event loop; its task lives only while there are some."""

    def __init__(self, doors: Doors) -> None:
        self._doors = doors
        self._talks: dict[int, LiveStream] = {}
        self._task: asyncio.Task[None] | None = None

    def watch(self, stream_id: int, live: LiveStream, running: asyncio.Task[None]) -> None:
        """Look for this talk while it runs."""
        self._talks[stream_id] = live

        def over(_: asyncio.Task[None]) -> None:
            self._talks.pop(stream_id, None)

        running.add_done_callback(over)
        if self._task is None or self._task.done():
            self._task = asyncio.get_running_loop().create_task(self._look_every_second())

    async def look(self) -> None:
        """End what somebody wants ended. A database that is away is asked again a second later."""
        try:
            asked = await through(self._doors.hang_ups, list(self._talks))
        except (OperationalError, InterfaceError) as error:
            logger.warning("nobody knows whether to hang up: %s", type(error).__name__)
            return
        for stream_id, by in asked.items():
            live = self._talks.pop(stream_id, None)
            if live:
                live.session.close(1000, f"hung up by {by}", "server")
                live.wake()

    async def _look_every_second(self) -> None:
        while self._talks:
            await asyncio.sleep(EVERY)
            await self.look()


_of_loops: WeakKeyDictionary[asyncio.AbstractEventLoop, HangUps] = WeakKeyDictionary()


def hang_ups(doors: Doors) -> HangUps:
    """The process's (one for each event loop, of which a server has one)."""
    loop = asyncio.get_running_loop()
    found = _of_loops.get(loop)
    if found is None:
        found = _of_loops[loop] = HangUps(doors)
    return found
