"""The line as a bot sees it: say, hear, wait for a key, hang up. Free of Django and of the socket.

The owner of the stream (the consumer, or a test) tells the line what comes in (`heard_audio`, `pressed`, `changed`,
`gone`) and is woken through `wake` when the session has something to send.
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import AsyncGenerator, Callable, Mapping
from enum import StrEnum
from typing import Final, Protocol

from botbridge import audio
from botbridge.session import Session, State

HEARD_SECONDS_MAX: Final = 2.0
KEYS_MAX: Final = 32

Disposition = tuple[str, str, str, dict[str, str]]


class Owner(Protocol):
    """What a line needs of the stream it belongs to. None of it waits."""

    def now(self) -> float:
        """Seconds of the clock that the session is driven by."""

    def wake(self) -> None:
        """The session has something to send."""

    def note(self, kind: str, text: str, data: Mapping[str, object]) -> None:
        """An entry for the timeline."""

    def dispose(self, key: str, kind: str, label: str, details: dict[str, str]) -> None:
        """What the conversation has achieved; kept even if the process of the bot goes on."""


class LineClosed(Exception):
    """The person, the network or a limit has ended the stream: there is nobody left to talk to."""


class Said(StrEnum):
    """How it went with something we said."""

    HEARD = "heard"
    CUT_BY_KEY = "cut by key"
    CUT_BY_SPEECH = "cut by speech"


class Line:
    """One person on the line, for one conversation."""

    def __init__(self, session: Session, owner: Owner) -> None:
        self._session = session
        self._owner = owner
        self._detector = audio.SpeechDetector(session.sample_rate)
        self._keys: deque[str] = deque()
        self._talk: deque[bytes] = deque()
        self._talk_bytes = 0
        self._listeners = 0
        self._speeches = 0  # how often the person began to talk
        self._waiters: set[asyncio.Future[None]] = set()
        self._gone = False
        self.dropped = 0
        """Audio frames thrown away because the bot was slow to hear them."""

    # --- for the bot ----------------------------------------------------------------------------------------

    @property
    def sample_rate(self) -> int:
        """Hz, both ways."""
        return self._session.sample_rate

    @property
    def talking(self) -> bool:
        """Whether the person is talking now."""
        return self._detector.talking

    async def say(self, pcm: bytes, text: str = "", *, keys_cut: bool = True, speech_cuts: bool = False) -> Said:
        """Say something (PCM16 at `sample_rate`) and wait until it was heard or cut off by a barge-in.

        `text` is what the transcript will show. Speech cuts when it begins meanwhile: who talked already (or a street
        that sounds like it) does not keep us from saying anything at all. Raises LineClosed.
        """
        self._require_open()
        before = self._speeches
        mark = self.play(pcm, text)
        await self._until(
            lambda: (
                not self._session.playing(mark)
                or bool(keys_cut and self._keys)
                or (speech_cuts and self._speeches > before)
            )
        )
        if not self._session.playing(mark):
            return Said.HEARD
        cause = Said.CUT_BY_KEY if keys_cut and self._keys else Said.CUT_BY_SPEECH
        self.cut(cause)
        return cause

    def play(self, pcm: bytes, text: str = "") -> str:
        """Say something without waiting; returns its mark.

        A flow of audio, in pieces of any size, has no text, and so no entry and no mark.
        """
        mark = self._session.say(pcm, mark=bool(text))
        if text:
            length = round(audio.seconds(len(pcm), self.sample_rate), 2)
            self.note("prompt", text, mark=mark, seconds=length)
        self._owner.wake()
        return mark

    def cut(self, cause: str) -> None:
        """Barge-in: stop talking at once."""
        unheard = round(self._session.interrupt(self._owner.now()), 2)
        self.note("barge_in", cause)
        self.note("prompt_cut", "", unheard_seconds=unheard)
        self._owner.wake()

    async def wait_key(self, seconds: float) -> str | None:
        """The next key pressed (also while something was said), or None after so many seconds. Raises LineClosed."""
        if not await self._until(lambda: bool(self._keys), seconds):
            return None
        return self._keys.popleft()

    def take_key(self) -> str | None:
        """The next key that was pressed already, if any."""
        return self._keys.popleft() if self._keys else None

    async def heard(self) -> AsyncGenerator[bytes, None]:
        """The person's audio as it comes, silence too; ends with the stream.

        At most 2 s wait for a slow bot, then the oldest is dropped and counted. What came in the last 2 s before the
        bot listened is heard first.
        """
        self._listeners += 1
        try:
            while await self._wait_change(None, lambda: bool(self._talk) or self.closed) and self._talk:
                piece = self._talk.popleft()
                self._talk_bytes -= len(piece)
                yield piece
        finally:
            self._listeners -= 1

    def hang_up(self) -> None:
        """Hang up once everything said so far was heard. Returns at once."""
        self._session.hang_up()
        self._owner.wake()

    def note(self, kind: str, text: str = "", **data: object) -> None:
        """Write an entry into the timeline."""
        self._owner.note(kind, text, data)

    def dispose(self, key: str, kind: str, label: str, details: Mapping[str, str] | None = None) -> None:
        """Say what the conversation has achieved. `kind`: goal, progress, objection, stop or none. Does not wait."""
        self._owner.note("disposition", label, {"key": key, "kind": kind})
        self._owner.dispose(key, kind, label, dict(details or {}))

    async def wait_quiet(self, seconds: float) -> bool:
        """Until the person does not talk; False when they still do after so many seconds. Raises LineClosed."""
        return await self._until(lambda: not self._detector.talking, seconds)

    @property
    def closed(self) -> bool:
        """Whether nobody can be talked to any more."""
        return self._gone or self._session.state is State.CLOSED

    # --- for the owner --------------------------------------------------------------------------------------

    def heard_audio(self, pcm: bytes) -> None:
        """The person's audio has come in."""
        if self._detector.hear(pcm):
            self._speeches += self._detector.talking
            self.note("speech_start" if self._detector.talking else "speech_end")
            self.changed()
        self._keep(pcm)
        if self._listeners:
            self.changed()

    def _keep(self, pcm: bytes) -> None:
        """Kept before anybody listens, too: the first words may come before the bot is ready for them."""
        self._talk.append(pcm)
        self._talk_bytes += len(pcm)
        while audio.seconds(self._talk_bytes, self.sample_rate) > HEARD_SECONDS_MAX and len(self._talk) > 1:
            self._talk_bytes -= len(self._talk.popleft())
            self.dropped += bool(self._listeners)

    def pressed(self, digit: str) -> None:
        """A key has come in. More than 32 that nobody wanted are dropped."""
        if len(self._keys) < KEYS_MAX:
            self._keys.append(digit)
        else:
            self.dropped += 1
        self.changed()

    def gone(self) -> None:
        """The stream has ended: whoever waits gets LineClosed."""
        self._gone = True
        self.changed()

    def changed(self) -> None:
        """Something a bot may wait for has happened."""
        for waiter in self._waiters:
            if not waiter.done():
                waiter.set_result(None)

    # --- waiting --------------------------------------------------------------------------------------------

    def _require_open(self) -> None:
        if self.closed:
            raise LineClosed

    async def _until(self, happened: Callable[[], bool], seconds: float | None = None) -> bool:
        """Wait until it has happened; False when the time ran out first. Raises LineClosed."""
        done = await self._wait_change(seconds, lambda: self.closed or happened())
        self._require_open()
        return done

    async def _wait_change(self, seconds: float | None, happened: Callable[[], bool]) -> bool:
        try:
            async with asyncio.timeout(seconds):
                while not happened():
                    waiter = asyncio.get_running_loop().create_future()
                    self._waiters.add(waiter)
                    try:
                        await waiter
                    finally:
                        self._waiters.discard(waiter)
        except TimeoutError:
            return happened()
        return True
