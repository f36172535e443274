"""Timeline entries of all streams of the process, written together once a second."""

from __future__ import annotations

import asyncio
import logging
from typing import Final
from weakref import WeakKeyDictionary

from django.db import DatabaseError, InterfaceError, OperationalError

from botbridge.doors import Doors, through
from campaigns.streams import Entry

logger = logging.getLogger(__name__)

EVERY: Final = 1.0
HELD_MAX: Final = 20_000
"""Entries kept while the database is away; beyond that the oldest go."""
UNWRITABLE: Final = (DatabaseError, TypeError, ValueError)
"""What the database refuses, and what a bot noted that is no JSON or no text."""


class Journal:
    """Collects entries; its task lives only while there are some."""

    def __init__(self, doors: Doors) -> None:
        self._doors = doors
        self._entries: list[Entry] = []
        self._writing = asyncio.Lock()
        self._task: asyncio.Task[None] | None = None
        self.lost = 0

    def add(self, entry: Entry) -> None:
        """Take an entry in; it is written within a second or so."""
        self._entries.append(entry)
        if self._task is None or self._task.done():
            self._task = asyncio.get_running_loop().create_task(self._write_every_second())

    async def flush(self) -> None:
        """Write what is held. What the database cannot take now is kept for the next time."""
        async with self._writing:
            batch, self._entries = self._entries, []
            if not batch:
                return
            try:
                await through(self._doors.note, batch)
            except (OperationalError, InterfaceError) as error:
                logger.warning("%d timeline entries wait: %s", len(batch), type(error).__name__)
                self._hold(batch)
            except UNWRITABLE:
                await self._write_by_stream(batch)

    def _hold(self, batch: list[Entry]) -> None:
        held = batch + self._entries
        self.lost += max(0, len(held) - HELD_MAX)
        self._entries = held[-HELD_MAX:]

    async def _write_by_stream(self, batch: list[Entry]) -> None:
        """One stream's bad entry (or a stream that was erased) must not cost the others theirs."""
        for stream_id in dict.fromkeys(entry.stream_id for entry in batch):
            own = [entry for entry in batch if entry.stream_id == stream_id]
            try:
                await through(self._doors.note, own)
            except UNWRITABLE as error:
                self.lost += len(own)
                logger.error("%d entries of stream %s refused: %s", len(own), stream_id, type(error).__name__)

    async def _write_every_second(self) -> None:
        while self._entries:
            await asyncio.sleep(EVERY)
            await self.flush()


_journals: WeakKeyDictionary[asyncio.AbstractEventLoop, Journal] = WeakKeyDictionary()


def journal(doors: Doors) -> Journal:
    """The process's journal (one for each event loop, of which a server has one)."""
    loop = asyncio.get_running_loop()
    found = _journals.get(loop)
    if found is None:
        found = _journals[loop] = Journal(doors)
    return found
