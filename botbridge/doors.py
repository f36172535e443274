"""The doors from the media path into `campaigns`: the only database touches of a stream, each in a thread."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Final, ParamSpec, Protocol, TypeVar

from asgiref.sync import sync_to_async
from django.db import InterfaceError, OperationalError, connections

from campaigns import outcomes, static_streams, streams
from campaigns.streams import Entry, StreamClosing, StreamGrant, StreamStart

logger = logging.getLogger(__name__)

P = ParamSpec("P")
R = TypeVar("R")

THREADS: Final = 6
RETRY_AFTER: Final = (0.5, 1.0, 2.0, 4.0, 8.0, 16.0, 32.0)
"""Seconds. A restarted database is back within this minute."""

PATIENCE: Final = 3.0
"""Seconds that somebody with the telephone at the ear may wait for the database. Exotel's handshake may take 10."""
SOON_AFTER: Final = (0.05, 0.2, 0.5, 1.0)
AWAY: Final = (OperationalError, InterfaceError)

# Not asgiref's one shared thread: a slow view must not hold up the start of a call.
_executor: Final = ThreadPoolExecutor(THREADS, thread_name_prefix="doors")


class Doors(Protocol):
    """What a stream needs of `campaigns`; tests bring their own."""

    def open_stream(self, token: str) -> StreamGrant:
        """Use up a token. Raises StreamRefused."""

    def admit(self, token: str, authorization: str) -> int:
        """The account of a fixed address. Raises StreamRefused."""

    def open_static(self, account_id: int, start: StreamStart, *, give_up: bool) -> StreamGrant:
        """The stream of the call that a start names. Raises StreamRefused, or NotYet."""

    def start_stream(self, stream_id: int, start: StreamStart) -> None:
        """Which call it is. Raises StreamRefused when that contradicts the attempt."""

    def note(self, entries: Sequence[Entry]) -> None:
        """Timeline entries of several streams."""

    def close_stream(self, stream_id: int, closing: StreamClosing) -> None:
        """How it ended."""

    def hang_ups(self, stream_ids: Sequence[int]) -> dict[int, str]:
        """Which of these talks somebody wants ended, and who."""

    def record_disposition(self, attempt_id: int, *, key: str, label: str, kind: str, details: dict[str, str]) -> None:
        """What the conversation achieved; kind *stop* also suppresses the number."""


class CampaignDoors:
    """The real ones."""

    def open_stream(self, token: str) -> StreamGrant:
        return streams.open_stream(token)

    def admit(self, token: str, authorization: str) -> int:
        return static_streams.admit(token, authorization)

    def open_static(self, account_id: int, start: StreamStart, *, give_up: bool) -> StreamGrant:
        return static_streams.open_static(account_id, start, give_up=give_up)

    def start_stream(self, stream_id: int, start: StreamStart) -> None:
        streams.start_stream(stream_id, start)

    def note(self, entries: Sequence[Entry]) -> None:
        streams.note(entries)

    def close_stream(self, stream_id: int, closing: StreamClosing) -> None:
        streams.close_stream(stream_id, closing)

    def hang_ups(self, stream_ids: Sequence[int]) -> dict[int, str]:
        return streams.hang_ups(stream_ids)

    def record_disposition(self, attempt_id: int, *, key: str, label: str, kind: str, details: dict[str, str]) -> None:
        outcomes.record_disposition(attempt_id, key=key, label=label, kind=kind, details=details)


async def through(door: Callable[P, R], *args: P.args, **kwargs: P.kwargs) -> R:
    """Call a door in a thread; its connection goes back to the pool at once."""
    call = sync_to_async(_returning_connection, thread_sensitive=False, executor=_executor)
    return await call(door, *args, **kwargs)


def _returning_connection(door: Callable[P, R], *args: P.args, **kwargs: P.kwargs) -> R:
    try:
        return door(*args, **kwargs)
    finally:
        connections.close_all()


async def soon_through(door: Callable[P, R], *args: P.args, **kwargs: P.kwargs) -> R:
    """Call a door that a talk waits for: again, for up to 3 s, if the database is away, whose error is raised then."""
    loop = asyncio.get_running_loop()
    until = loop.time() + PATIENCE
    for pause in SOON_AFTER:
        try:
            return await through(door, *args, **kwargs)
        except AWAY:
            if loop.time() + pause > until:
                raise
        await asyncio.sleep(pause)
    return await through(door, *args, **kwargs)


async def surely_through(door: Callable[P, None], *args: P.args, **kwargs: P.kwargs) -> None:
    """Call a door that may be repeated, for about a minute if the database is away. What fails then is logged."""
    for pause in RETRY_AFTER:
        try:
            return await through(door, *args, **kwargs)
        except AWAY:
            await asyncio.sleep(pause)
    try:
        await through(door, *args, **kwargs)
    except AWAY as error:
        logger.error("%s was given up: %s", getattr(door, "__name__", door), type(error).__name__)
