"""One stream while it lives: the session's clock and pump, the bot's task, the timeline, and the end of it all.

Nothing durable waits for the socket's end: a server that is stopped never tells us about it. What the conversation
achieves is written when it is achieved, the timeline once a second.
"""

from __future__ import annotations

import asyncio
import logging
import traceback
from collections.abc import Awaitable, Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Final, Literal

from django.conf import settings
from django.db import Error as DatabaseFailed

from botbridge import speech
from botbridge.bots.spec import BotContext, BotSpec, Prompt
from botbridge.doors import Doors, soon_through, surely_through
from botbridge.journal import Journal
from botbridge.line import Line, LineClosed
from botbridge.protocol import (
    Close,
    Command,
    Connected,
    Dtmf,
    Event,
    Mark,
    Media,
    SendClear,
    SendMark,
    SendMedia,
    Start,
    Stop,
    encode,
)
from botbridge.session import RATE_FACTOR, Session, State
from campaigns.streams import Entry, StreamClosing, StreamGrant, StreamRefused, StreamStart

logger = logging.getLogger(__name__)

By = Literal["bot", "caller", "network", "limit", "error", "server"]

ENTRIES_MAX: Final = 2_000
"""Timeline entries of one stream, so that a flood of marks or keys fills no table."""
RAW_MAX: Final = 4_096
RESULT_FIRST: Final = 1.0
"""Seconds that the bot's hang-up waits for its result to be written."""
LAST_WORDS: Final = 2.0
"""Seconds a conversation has, when the line is gone, to say what it achieved."""


# Not the threads that find prepared speech: who waits for the one voice must not keep the others from speaking.
_voices: Final = ThreadPoolExecutor(2, thread_name_prefix="voices")


@dataclass(frozen=True)
class Socket:
    """How to send a text frame and how to close."""

    send: Callable[[str], Awaitable[None]]
    close: Callable[[int], Awaitable[None]]


class LiveStream:
    """One stream, from its acceptance to its end. `ended` is set when everything about it is written."""

    def __init__(
        self,
        grant: StreamGrant,
        spec: BotSpec,
        *,
        doors: Doors,
        journal: Journal,
        socket: Socket,
        rate_factor: float = RATE_FACTOR,
    ) -> None:
        self._grant, self._spec = grant, spec
        self._doors, self._journal, self._socket = doors, journal, socket
        self._loop = asyncio.get_running_loop()
        self._opened_at = self.now()
        self.session = Session(
            now=self._opened_at,
            sample_rate=grant.sample_rate,
            time_limit=min(grant.time_limit, spec.max_seconds),
            rate_factor=rate_factor,
            listens_only=spec.listens_only,
        )
        self._line: Line | None = None
        self._awake = asyncio.Event()
        self._talk: asyncio.Task[None] | None = None
        self._writes: set[asyncio.Task[None]] = set()
        self._entries = 0
        self._failure = ""
        self._lost_code: int | None = None
        self._spoke = False

    # --- what comes in: none of it waits --------------------------------------------------------------------

    def take(self, frame: str | bytes) -> None:
        """A frame has come in."""
        session, errors = self.session, self.session.traffic.errors
        if session.state is State.CLOSED:
            return
        event = session.receive(frame, self.now())
        if type(event) is Media:
            if self._line:
                self._line.heard_audio(event.payload)
            return
        if session.traffic.errors != errors:
            self.note("error", session.last_problem)
        if event:
            self._react(event, frame)
        self.wake()

    def _react(self, event: Event, frame: str | bytes) -> None:
        match event:
            case Connected():
                self.note("connected", "")
            case Start():
                self._start(event, str(frame)[:RAW_MAX].encode("utf-8", "ignore").decode())
            case Dtmf(digit=digit) if self._line:
                self.note("key", digit)
                self._line.pressed(digit)
            case Mark(name=name) if self._line:
                self.note("mark", name)
                self._line.changed()
            case Stop(reason=reason):
                self.note("stop", reason)

    def lost(self, code: int) -> None:
        """The socket has gone. Told again: nothing happens."""
        if self._lost_code is None:
            self._lost_code = code
        self.session.lost()
        self.wake()

    def end(self, reason: str) -> None:
        """Hang up now, in the middle of a word if need be, for a reason of the server's."""
        self.session.close(1012, reason, "server")
        self.wake()

    # --- what the line needs (botbridge.line.Owner) ---------------------------------------------------------

    def now(self) -> float:
        return self._loop.time()

    def wake(self) -> None:
        self._awake.set()

    def note(self, kind: str, text: str, data: Mapping[str, object] | None = None) -> None:
        self._entries += 1
        if self._entries <= ENTRIES_MAX or kind in {"disposition", "closing"}:
            at = round(self.now() - self._opened_at, 3)
            self._journal.add(Entry(self._grant.stream_id, at, kind, text, dict(data or {})))

    def dispose(self, key: str, kind: str, label: str, details: dict[str, str]) -> None:
        writing = surely_through(
            self._doors.record_disposition, self._grant.attempt_id, key=key, label=label, kind=kind, details=details
        )
        task = self._loop.create_task(writing)
        self._writes.add(task)
        task.add_done_callback(self._written)

    def _written(self, task: asyncio.Task[None]) -> None:
        self._writes.discard(task)
        if not task.cancelled() and (failure := task.exception()):
            # The message of the exception may name the person.
            logger.error("stream %s: a disposition was lost: %s", self._grant.stream_id, type(failure).__name__)

    # --- the bot --------------------------------------------------------------------------------------------

    def _start(self, start: Start, raw: str) -> None:
        self.note("start", start.call_sid, {"sample_rate": self.session.sample_rate, "encoding": start.encoding})
        self._line = Line(self.session, self)
        self._talk = self._loop.create_task(self._converse(start, raw, self._line))
        self._talk.add_done_callback(self._talk_over)

    async def _converse(self, start: Start, raw: str, line: Line) -> None:
        try:
            await soon_through(self._doors.start_stream, self._grant.stream_id, self._particulars(start, raw))
        except StreamRefused as refused:
            self.session.close(refused.code, refused.reason, "error")
            return
        except DatabaseFailed as error:
            logger.error("stream %s not started: %s", self._grant.stream_id, type(error).__name__)
            self.session.close(1011, "the database did not answer", "server")
            return
        if self._grant.hang_up_by:  # its campaign was stopped with all talks while the phone rang
            self.session.close(1000, f"hung up by {self._grant.hang_up_by}", "server")
            return
        context = BotContext(
            options=self._grant.bot_options,
            variables=self._grant.variables,
            speak=self._speak,
            audio=self._grant.audio,
        )
        await self._spec.create(context).run(line)

    def _particulars(self, start: Start, raw: str) -> StreamStart:
        return StreamStart(
            stream_sid=start.stream_sid,
            call_sid=start.call_sid,
            account_sid=start.account_sid,
            caller=start.caller,
            sample_rate=self.session.sample_rate,
            encoding=start.encoding,
            custom_parameters=dict(start.custom_parameters),
            raw=raw,
        )

    def _talk_over(self, talk: asyncio.Task[None]) -> None:
        """Hang up. A bot that failed has no last words: what it was saying is finished, then the line closes."""
        failure = None if talk.cancelled() else talk.exception()
        if failure and not isinstance(failure, LineClosed):
            self._failure = f"the bot failed: {type(failure).__name__}"
            place = traceback.extract_tb(failure.__traceback__)[-1]
            # Not the message of the exception: it may quote what a person said or is called.
            logger.error("stream %s: %s at %s:%s", self._grant.stream_id, self._failure, place.filename, place.lineno)
            self.note("error", self._failure)
        self.session.hang_up()
        self.wake()

    async def _speak(self, prompt: Prompt, sample_rate: int) -> bytes:
        wanted = (prompt.text, prompt.voice, sample_rate, Path(settings.SPEECH_DIR))
        known = await asyncio.to_thread(speech.cached, *wanted)
        if known is not None:
            return known
        began = self.now()
        pcm = await self._loop.run_in_executor(_voices, speech.render, *wanted)
        took = {"seconds": round(self.now() - began, 3)}
        self.note("rendered", "Not prepared before the call, so spoken on the spot", took)
        return pcm

    # --- the pump -------------------------------------------------------------------------------------------

    async def run(self) -> None:
        """Carry out the session's commands when they are due, until the end; then write how it ended.

        Also when something of ours fails that never should: a socket without its pump would be a silent call.
        """
        try:
            await self._pump()
        finally:
            if self.session.state is not State.CLOSED:
                self.session.close(1011, "an error in Dialer itself", "server")
                await self._socket.close(1011)
            await self._end()

    async def _pump(self) -> None:
        while True:
            self._awake.clear()
            for command in self.session.poll(self.now()):
                await self._carry_out(command)
            if self.session.state is State.CLOSED:
                break
            if self._line:
                self._line.changed()  # a mark may have been given up
            await self._sleep()

    async def _sleep(self) -> None:
        try:
            async with asyncio.timeout(self.session.next_poll(self.now())):
                await self._awake.wait()
        except TimeoutError:
            return

    async def _carry_out(self, command: Command) -> None:
        match command:
            case Close(code=code):
                if self._writes:  # a flow asks for the bot's result as soon as the socket is closed
                    await asyncio.wait(self._writes, timeout=RESULT_FIRST)
                await self._socket.close(code)
            case SendMedia():
                if not self._spoke:
                    self._spoke = True
                    self._note_first_audio()
                await self._socket.send(encode(command))
            case SendClear():
                self.note("clear", "")
                await self._socket.send(encode(command))
            case SendMark():
                await self._socket.send(encode(command))

    def _note_first_audio(self) -> None:
        waited = self.now() - (self.session.started_at or self._opened_at)
        self.note("first_audio", "", {"milliseconds": round(waited * 1000)})

    # --- the end --------------------------------------------------------------------------------------------

    async def _end(self) -> None:
        if isinstance(self.session.ended_by, Stop):
            await self._socket.close(1000)
        closing = self._closing()
        if self._line:
            self._line.gone()
        await self._end_talk()
        if closing.dropped:
            self.note("dropped", f"{closing.dropped} audio frames or keys came faster than the bot took them")
        self.note("closing", closing.reason, {"code": closing.code, "by": closing.by})
        try:
            await self._journal.flush()
            if self._writes:
                await asyncio.wait(self._writes)
        finally:
            await surely_through(self._doors.close_stream, self._grant.stream_id, closing)

    async def _end_talk(self) -> None:
        if self._talk is None or self._talk.done():
            return
        await asyncio.wait({self._talk}, timeout=LAST_WORDS)
        if not self._talk.done():
            self._talk.cancel()
            await asyncio.wait({self._talk}, timeout=LAST_WORDS)
        if not self._talk.done():
            logger.error("stream %s: the bot “%s” does not end", self._grant.stream_id, self._spec.name)

    def _closing(self) -> StreamClosing:
        code, by, reason = self._cause()
        traffic = self.session.traffic
        return StreamClosing(
            code=code,
            by=by,
            reason=reason,
            seconds=round(self.now() - (self.session.started_at or self._opened_at), 3),
            frames_in=traffic.frames_in,
            frames_out=traffic.frames_out,
            bytes_in=traffic.bytes_in,
            bytes_out=traffic.bytes_out,
            dropped=self._line.dropped if self._line else 0,
        )

    def _cause(self) -> tuple[int, By, str]:
        ended = self.session.ended_by
        if self._failure:
            return 1000, "error", self._failure
        if isinstance(ended, Stop):
            return 1000, "caller", ended.reason or "stop"
        if ended:
            return ended.code, ended.by, ended.reason
        code = self._lost_code or 1006
        by: By = "caller" if code in {1000, 1001} else "network"
        return code, by, "the socket was closed by the far end" if by == "caller" else "the connection was lost"
