"""The media WebSocket on Channels: admission, the token, and frames to and from one live stream."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable
from contextlib import ExitStack
from functools import partial
from typing import Any, Final, NoReturn

from channels.exceptions import StopConsumer
from channels.generic.websocket import AsyncWebsocketConsumer
from django.conf import settings
from django.db import Error as DatabaseFailed
from django.utils.module_loading import import_string

from botbridge.bots.spec import BotSpec
from botbridge.doors import CampaignDoors, Doors, soon_through, surely_through
from botbridge.hang_ups import hang_ups
from botbridge.journal import journal
from botbridge.live import LiveStream, Socket
from botbridge.session import RATE_FACTOR
from campaigns.streams import StreamClosing, StreamGrant, StreamRefused

logger = logging.getLogger(__name__)

Message = dict[str, Any]

FAREWELL: Final = 8.0
"""Seconds to write how a stream ended before the server gives the consumer up (Daphne does after 10)."""


class Admission:
    """How many streams this process carries, which of them talk, and whether it takes new ones."""

    def __init__(self) -> None:
        self.streams = 0
        self.draining = False
        self.talks: dict[LiveStream, asyncio.Task[None]] = {}

    def enter(self) -> bool:
        """Take a place, if there is one. Whoever got it calls `leave`."""
        if self.draining or self.streams >= settings.MAX_STREAMS:
            why = "it is being stopped" if self.draining else f"it carries {self.streams} (MAX_STREAMS)"
            logger.warning("a person heard nothing: this process takes no further stream, %s", why)
            return False
        self.streams += 1
        return True

    def leave(self) -> None:
        """Give the place back."""
        self.streams -= 1


admission: Final = Admission()


def drain() -> None:
    """Take no new streams from now on; live talks end by themselves."""
    admission.draining = True


def draining() -> bool:
    """Whether `drain` was called."""
    return admission.draining


def live_streams() -> int:
    """How many streams this process carries now."""
    return admission.streams


async def hang_up_all() -> None:
    """End every talk now; returns when that is written, or after FAREWELL."""
    talks = dict(admission.talks)
    for talk in talks:
        talk.end("the server was stopped")
    if talks:
        await asyncio.wait(talks.values(), timeout=FAREWELL)


class StreamConsumer(AsyncWebsocketConsumer):  # type: ignore[misc]  # channels ships no types
    """One AgentStream socket. `receive` hands each frame on and returns; all work is in the stream's own tasks."""

    def __init__(self, *, doors: Doors | None = None) -> None:
        super().__init__()
        self._doors: Doors = doors or CampaignDoors()
        self._live: LiveStream | None = None
        self._running: asyncio.Task[None] | None = None

    async def __call__(
        self, scope: Message, receive: Callable[[], Awaitable[Message]], send: Callable[[Message], Awaitable[None]]
    ) -> None:
        """Handle messages one after the other. Channels would add a task and a thread hop to every frame: a third
        of the processor's time at 500 streams."""
        self.scope, self.base_send, self.channel_layer = scope, send, None
        try:
            while True:
                await self.dispatch(await receive())
        except StopConsumer:
            return
        finally:  # also when the server gives us up, or a frame meets a fault of ours
            if self._live:
                self._live.lost(1006)

    async def dispatch(self, message: Message) -> None:
        """Call the handler, without closing database connections first: the handlers hold none."""
        match message["type"]:
            case "websocket.receive":
                text = message.get("text")
                self.take(text if text is not None else message.get("bytes") or b"")
            case "websocket.connect":
                await self.connect()
            case "websocket.disconnect":
                await self.disconnect(message.get("code") or 1006)
                raise StopConsumer

    def take(self, frame: str | bytes) -> None:
        """Hand a frame on; nothing is awaited here."""
        if self._live:
            self._live.take(frame)

    async def connect(self) -> None:
        """Accept, if there is room and the token is good; else refuse before the handshake ends."""
        if not admission.enter():
            await self._refuse(1013)
        with ExitStack() as refused:
            refused.callback(admission.leave)
            grant, spec = await self._granted(self.scope["url_route"]["kwargs"]["token"])
            await self.accept()
            self._begin(grant, spec)
            refused.pop_all()  # the stream's end gives the place back

    def _begin(self, grant: StreamGrant, spec: BotSpec) -> LiveStream:
        """Start the stream's own tasks; its place is given back when they end."""
        self._live = LiveStream(
            grant,
            spec,
            doors=self._doors,
            journal=journal(self._doors),
            socket=Socket(self._send_text, self._close_socket),
            rate_factor=getattr(settings, "STREAM_RATE_FACTOR", RATE_FACTOR),
        )
        self._running = admission.talks[self._live] = asyncio.create_task(self._live.run())
        self._running.add_done_callback(partial(_over, self._live))
        hang_ups(self._doors).watch(grant.stream_id, self._live, self._running)
        return self._live

    async def _granted(self, token: str) -> tuple[StreamGrant, BotSpec]:
        try:
            grant = await soon_through(self._doors.open_stream, token)
        except StreamRefused as refused:
            await self._refuse(refused.code)
        except DatabaseFailed as error:
            logger.error("a stream was refused because the database failed: %s", type(error).__name__)
            await self._refuse(1013)
        spec = await self._spec_of(grant)
        if spec is None:
            await self._refuse(1011)
        return grant, spec

    async def _spec_of(self, grant: StreamGrant) -> BotSpec | None:
        """The campaign's bot; None, and the stream closed, if this installation has none of that name."""
        try:
            spec: BotSpec = import_string(settings.BOTS[grant.bot])
        except (KeyError, ImportError):
            reason = f"this installation has no bot “{grant.bot}”"
            logger.error("stream %s: %s", grant.stream_id, reason)
            closing = StreamClosing(1011, "server", reason, 0, 0, 0, 0, 0, 0)
            await surely_through(self._doors.close_stream, grant.stream_id, closing)
            return None
        return spec

    async def disconnect(self, code: int) -> None:
        """The socket has gone. May never be called: nothing durable waits for it."""
        if self._live and self._running:
            self._live.lost(code)
            await asyncio.wait({self._running}, timeout=FAREWELL)

    async def _refuse(self, code: int) -> NoReturn:
        await self.base_send({"type": "websocket.close", "code": code})
        raise StopConsumer

    async def _send_text(self, text: str) -> None:
        try:
            await self.base_send({"type": "websocket.send", "text": text})
        except (OSError, RuntimeError):  # the far end is closing: autobahn's Disconnected, uvicorn's ClientDisconnected
            if self._live:
                self._live.lost(1006)

    async def _close_socket(self, code: int) -> None:
        try:
            await self.base_send({"type": "websocket.close", "code": wire_code(code)})
        except (OSError, RuntimeError):
            return


def wire_code(code: int) -> int:
    """The close code as it travels. Autobahn (under Daphne) lets applications send only 1000 and 3000 to 4999 and
    raises for the others, so 1003 goes out as its private twin 4003, 1008 as 4008, and so on."""
    return code if code == 1000 or code >= 3000 else code + 3000


def _over(live: LiveStream, running: asyncio.Task[None]) -> None:
    del admission.talks[live]
    admission.leave()
    if not running.cancelled() and (failure := running.exception()):
        logger.error("a stream ended badly: %s", type(failure).__name__, exc_info=failure)
