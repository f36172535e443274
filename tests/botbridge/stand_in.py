"""The doors of `campaigns` in memory, and a socket into a consumer that uses them."""

from __future__ import annotations

import asyncio
import json
import threading
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from channels.routing import URLRouter
from channels.testing import WebsocketCommunicator
from django.db import OperationalError
from django.urls import re_path

from botbridge.consumers import StreamConsumer
from botbridge.routing import PATH
from campaigns.streams import Entry, StreamClosing, StreamGrant, StreamRefused, StreamStart
from tests.botbridge.far_end import mark_frame, start_frame

GRANT = StreamGrant(
    stream_id=7,
    attempt_id=41,
    bot="echo",
    bot_options={},
    variables={"name": "Asha"},
    sample_rate=8000,
    time_limit=300,
    audio={},
)


@dataclass
class StandIn:
    """Grants what it is told to, and remembers what it was told."""

    grant: StreamGrant = GRANT
    refusal: StreamRefused | None = None
    crossed: StreamRefused | None = None
    failures: list[Exception] = field(default_factory=list)
    refuses: str = ""
    away: int = 0
    """How often a door that a talk waits for finds no database."""
    hangs_up: str = ""
    """Who wants talks ended: those in `hung_up_on`, or all of them."""
    hung_up_on: frozenset[int] = frozenset()
    starts: list[StreamStart] = field(default_factory=list)
    entries: list[Entry] = field(default_factory=list)
    notes: int = 0
    closings: list[StreamClosing] = field(default_factory=list)
    dispositions: list[dict[str, Any]] = field(default_factory=list)
    noted: threading.Event = field(default_factory=threading.Event)

    def open_stream(self, token: str) -> StreamGrant:
        if self.refusal:
            raise self.refusal
        if token != "good":
            raise StreamRefused(4401, "the token is not ours")
        self._look_for_the_database()
        return self.grant

    def admit(self, token: str, authorization: str) -> int:
        if token != "good":
            raise StreamRefused(4401, "the token is not ours")
        return 1

    def open_static(self, account_id: int, start: StreamStart, *, give_up: bool) -> StreamGrant:
        if self.refusal:
            raise self.refusal
        return self.grant

    def hang_ups(self, stream_ids: Sequence[int]) -> dict[int, str]:
        self._look_for_the_database()
        wanted = self.hung_up_on or stream_ids
        return {stream_id: self.hangs_up for stream_id in stream_ids if self.hangs_up and stream_id in wanted}

    def start_stream(self, stream_id: int, start: StreamStart) -> None:
        if self.crossed:
            raise self.crossed
        self._look_for_the_database()
        self.starts.append(start)

    def note(self, entries: Sequence[Entry]) -> None:
        if self.failures:
            raise self.failures.pop(0)
        if self.refuses in [entry.kind for entry in entries]:
            raise TypeError("Object of type object is not JSON serializable")
        self.notes += 1
        self.entries.extend(entries)
        self.noted.set()

    def close_stream(self, stream_id: int, closing: StreamClosing) -> None:
        self.closings.append(closing)

    def record_disposition(self, attempt_id: int, *, key: str, label: str, kind: str, details: dict[str, str]) -> None:
        self.dispositions.append({"key": key, "label": label, "kind": kind, "details": details})

    def _look_for_the_database(self) -> None:
        if self.away:
            self.away -= 1
            raise OperationalError("away")

    def kinds(self) -> list[str]:
        return [entry.kind for entry in self.entries]

    def said(self) -> list[str]:
        return [entry.text for entry in self.entries if entry.kind == "prompt"]


def for_bot(bot: str, **options: str) -> StandIn:
    """Doors that grant a stream to this bot."""
    return StandIn(replace(GRANT, bot=bot, bot_options=options))


class Caller:
    """Exotel's side of one socket; marks come back as soon as they are sent, unless `hold_marks`."""

    def __init__(self, doors: StandIn, token: str = "good", *, hold_marks: bool = False) -> None:
        self.doors = doors
        self.hold_marks = hold_marks
        application = URLRouter([re_path(PATH, StreamConsumer.as_asgi(doors=doors))])
        self.socket = WebsocketCommunicator(application, f"/x/ws/{token}")
        self.received: list[dict[str, Any]] = []
        self.close_code: int | None = None

    async def start(self, **more: Any) -> Caller:
        connected, _ = await self.socket.connect()
        assert connected
        await self.socket.send_to('{"event":"connected"}\n')
        await self.socket.send_to(start_frame(**more))
        return self

    async def say(self, frame: str) -> None:
        await self.socket.send_to(frame)

    async def until(self, enough: Callable[[Caller], bool], seconds: float = 5) -> Caller:
        """Receive until there is enough, or the bot has closed."""
        async with asyncio.timeout(seconds):
            while self.close_code is None and not enough(self):
                await self._take(await self.socket.receive_output(seconds))
        return self

    async def _take(self, message: dict[str, Any]) -> None:
        if message["type"] == "websocket.close":
            self.close_code = message["code"]
            return
        frame = json.loads(message["text"])
        self.received.append(frame)
        if frame["event"] == "mark" and not self.hold_marks:
            await self.say(mark_frame(frame["mark"]["name"]))

    async def until_closed(self, seconds: float = 5) -> int:
        """The close code; the doors have heard about the end when this returns."""
        await self.until(lambda _: False, seconds)
        await self.gone(self.close_code or 1000)
        assert self.close_code is not None
        return self.close_code

    async def gone(self, code: int = 1006) -> None:
        """The connection drops."""
        await self.socket.disconnect(code, timeout=5)

    def events(self) -> list[str]:
        return [frame["event"] for frame in self.received]
