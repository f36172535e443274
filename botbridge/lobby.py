"""Streams at an address for all calls of an account: the socket waits in the lobby until its start names the call."""

from __future__ import annotations

import asyncio
import logging
from contextlib import ExitStack
from typing import Any, Final

from django.db import Error as DatabaseFailed

from botbridge.consumers import FAREWELL, StreamConsumer, admission
from botbridge.doors import soon_through, surely_through
from botbridge.live import RAW_MAX
from botbridge.protocol import ProtocolError, Start, decode
from botbridge.session import MESSAGE_MAX, START_TIMEOUT
from campaigns.static_streams import NotYet
from campaigns.streams import StreamClosing, StreamGrant, StreamRefused, StreamStart

logger = logging.getLogger(__name__)

FRAMES_MAX: Final = 2_000
BYTES_MAX: Final = 4_194_304
EARLY: Final = 2.0
"""Seconds for our own POST's answer to bring the CallSid."""
LOOK_EVERY: Final = 0.25


class Overfull(Exception):
    """More came than a call makes before anybody knew which call it was."""


class Lobby:
    """The frames of a socket whose call is not known yet, kept for the session."""

    def __init__(self) -> None:
        self.frames: list[str | bytes] = []
        self.start: StreamStart | None = None
        self._bytes = 0

    def take(self, frame: str | bytes) -> bool:
        """Keep a frame; True if it is the start. Raises Overfull."""
        self.frames.append(frame)
        self._bytes += len(frame)
        if len(frame) > MESSAGE_MAX or self._bytes > BYTES_MAX or len(self.frames) > FRAMES_MAX:
            raise Overfull
        if self.start is not None:
            return False
        self.start = _start_in(frame)
        return self.start is not None


def _start_in(frame: str | bytes) -> StreamStart | None:
    try:
        event = decode(frame)
    except ProtocolError:  # counted by the session, when it gets the frames
        return None
    if not isinstance(event, Start):
        return None
    return StreamStart(
        stream_sid=event.stream_sid,
        call_sid=event.call_sid,
        account_sid=event.account_sid,
        caller=event.caller,
        sample_rate=event.sample_rate,
        encoding=event.encoding,
        custom_parameters=dict(event.custom_parameters),
        raw=str(frame)[:RAW_MAX].encode("utf-8", "ignore").decode(),
    )


class StaticStreamConsumer(StreamConsumer):
    """One AgentStream socket at an account's address. Its start is matched to a call, or it is closed with 4404."""

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self._lobby = Lobby()
        self._account_id = 0
        self._in_lobby = False
        self._gone: int | None = None
        self._timer: asyncio.TimerHandle | None = None
        self._task: asyncio.Task[None] | None = None

    async def connect(self) -> None:
        """Accept, if there is room and the account's token (and password, if it has one) is good."""
        if not admission.enter():
            await self._refuse(1013)
        with ExitStack() as refused:
            refused.callback(admission.leave)
            self._account_id = await self._admitted()
            await self.accept()
            refused.pop_all()  # whoever leaves the lobby gives the place back
        self._in_lobby = True
        self._timer = asyncio.get_running_loop().call_later(START_TIMEOUT, self._turn_away, 1002)

    async def _admitted(self) -> int:
        authorization = dict(self.scope["headers"]).get(b"authorization", b"").decode("latin-1")
        try:
            return await soon_through(self._doors.admit, self.scope["url_route"]["kwargs"]["token"], authorization)
        except StreamRefused as refused:
            await self._refuse(refused.code)
        except DatabaseFailed as error:
            logger.error("a stream was refused because the database failed: %s", type(error).__name__)
            await self._refuse(1013)

    def take(self, frame: str | bytes) -> None:
        """Hand a frame on, or keep it while the call is not known."""
        if not self._in_lobby:
            super().take(frame)
            return
        try:
            if self._lobby.take(frame) and self._lobby.start:
                self._task = asyncio.create_task(self._identify(self._lobby.start))
        except Overfull:
            self._turn_away(1008)

    async def disconnect(self, code: int) -> None:
        """The socket has gone. A call that is being looked for is found first, so that its stream is closed, too."""
        self._gone = code
        if self._task:
            await asyncio.wait({self._task}, timeout=FAREWELL)
        elif self._in_lobby:
            self._leave_lobby()
            admission.leave()
        await super().disconnect(code)

    async def _identify(self, start: StreamStart) -> None:
        try:
            grant = await self._found(start)
            spec = await self._spec_of(grant)
        except StreamRefused as refused:
            logger.warning("a stream at the address of account %s was refused: %s", self._account_id, refused.reason)
            self._turn_away(refused.code)
            return
        except DatabaseFailed as error:
            logger.error("a stream was refused because the database failed: %s", type(error).__name__)
            self._turn_away(1013)
            return
        if spec is None:
            self._turn_away(1011)
            return
        if not self._in_lobby:  # turned away meanwhile
            closing = StreamClosing(1008, "limit", "turned away while its call was looked for", 0, 0, 0, 0, 0, 0)
            await surely_through(self._doors.close_stream, grant.stream_id, closing)
            return
        self._leave_lobby()
        live = self._begin(grant, spec)
        for frame in self._lobby.frames:
            live.take(frame)
        self._lobby.frames.clear()
        if self._gone is not None:
            live.lost(self._gone)

    async def _found(self, start: StreamStart) -> StreamGrant:
        loop = asyncio.get_running_loop()
        until = loop.time() + EARLY
        while True:
            late = self._gone is not None or loop.time() >= until
            try:
                return await soon_through(self._doors.open_static, self._account_id, start, give_up=late)
            except NotYet:
                await asyncio.sleep(LOOK_EVERY)

    def _turn_away(self, code: int) -> None:
        """Close a socket whose call nobody knows. Once."""
        if self._in_lobby:
            self._leave_lobby()
            admission.leave()
            self._closing = asyncio.create_task(self._close_socket(code))

    def _leave_lobby(self) -> None:
        self._in_lobby = False
        if self._timer:
            self._timer.cancel()
