"""One person on the line: what was heard from the bot, when it has been played, and what the person does.

No I/O and no clock; times are carrier seconds since the stream's start.
"""

import base64
import binascii
from array import array
from collections import deque
from dataclasses import asdict, dataclass
from typing import Any

from dialer.simulator.fates import Manner

AUDIBLE = 300  # peak of a 16-bit sample; an echo of silence is no speech
THINKING = 1.5  # seconds of quiet after a played mark before a key is pressed
THINKING_UNMARKED = 3.0
GREETING = (0.3, 0.9)
TALKS_FOR, TALKS_EVERY, TALKS_FROM = 2.0, 6.0, 1.5
MUTE_FOR = 10.0  # the captured stream without a start ended after that


@dataclass(frozen=True)
class Echo:
    """A mark has been played."""

    name: str


@dataclass(frozen=True)
class Press:
    digit: str


@dataclass(frozen=True)
class HangUp:
    """The person's end of the call; `abrupt`: the stream drops without a stop, with a close `code` if there is one."""

    abrupt: bool = False
    code: int | None = None


Deed = Echo | Press | HangUp


@dataclass
class Counts:
    """What the bot did, for the ledger; a chunk can be odd and small at once."""

    media: int = 0
    bytes: int = 0
    marks: int = 0
    clears: int = 0
    odd_chunks: int = 0  # no multiple of 320 bytes
    small_chunks: int = 0  # under 3,200 bytes
    large_chunks: int = 0  # over 100,000 bytes
    unreadable: int = 0
    digits: int = 0
    marks_played: int = 0


class Conversation:
    """`heard` takes the bot's messages, `due` says what the person does by now."""

    def __init__(self, manner: Manner, rate: int, speed: float) -> None:
        self.counts = Counts()
        self._manner = manner
        self._rate = rate
        # A bot thinks and paces in wall time however fast the carrier runs.
        self._thinking = max(THINKING, 0.3 * speed)
        self._unmarked = max(THINKING_UNMARKED, 1.0 * speed)
        self._patience = None if manner.patience is None else max(manner.patience, 2.0 * speed)
        self._played_until = 0.0
        self._quiet_since = 0.0
        self._marks: deque[tuple[float, str]] = deque()
        self._mark_played_at: float | None = None
        self._spoken_to = False
        self._digits = deque(manner.presses)
        self._gone = False

    def heard(self, message: object, now: float) -> None:
        """A message of the bot, keys in either spelling; what is no message is counted and ignored."""
        if not isinstance(message, dict):
            self.counts.unreadable += 1
            return
        event = str(message.get("event", "")).lower()
        if event == "media":
            self._media(_inner(message, "media"), now)
        elif event == "mark":
            self.counts.marks += 1
            self._marks.append((max(now, self._played_until), str(_inner(message, "mark").get("name", ""))))
        elif event == "clear":
            self._clear(now)
        else:
            self.counts.unreadable += 1

    def _media(self, media: dict[str, Any], now: float) -> None:
        try:
            audio = base64.b64decode(str(media.get("payload", "")), validate=True)
        except binascii.Error:
            self.counts.unreadable += 1
            return
        self._count(len(audio))
        self._played_until = max(now, self._played_until) + len(audio) / (2 * self._rate)
        if _peak(audio) > AUDIBLE:
            self._spoken_to = True
            self._quiet_since = self._played_until
            self._mark_played_at = None

    def _count(self, size: int) -> None:
        self.counts.media += 1
        self.counts.bytes += size
        self.counts.odd_chunks += size % 320 != 0
        self.counts.small_chunks += size < 3200
        self.counts.large_chunks += size > 100_000

    def _clear(self, now: float) -> None:
        """What waits to be played is forgotten; its marks come back at once."""
        self.counts.clears += 1
        self._played_until = min(self._played_until, now)
        self._quiet_since = min(self._quiet_since, now)
        self._marks = deque((min(at, now), name) for at, name in self._marks)

    def due(self, now: float) -> list[Deed]:
        """Everything the person and the line do by `now`, in order. After a HangUp nothing more comes."""
        if self._gone:
            return []
        deeds: list[Deed] = list(self._echoes(now))
        if self._digits and self._bot_waits(now):
            self.counts.digits += 1
            self._quiet_since = now
            deeds.append(Press(self._digits.popleft()))
        end = self._end(now)
        if end:
            self._gone = True
            deeds.append(end)
        return deeds

    def _echoes(self, now: float) -> list[Echo]:
        played = []
        while self._marks and self._marks[0][0] <= now:
            self._mark_played_at, name = self._marks.popleft()
            self.counts.marks_played += 1
            played.append(Echo(name))
        return played

    def _bot_waits(self, now: float) -> bool:
        if not self._spoken_to:
            return False
        if self._mark_played_at is not None:
            return now >= max(self._mark_played_at, self._quiet_since) + self._thinking
        return now >= self._quiet_since + self._unmarked

    def _end(self, now: float) -> HangUp | None:
        manner = self._manner
        if manner.stream_drops_after is not None and now >= manner.stream_drops_after:
            return HangUp(abrupt=True, code=manner.close_code)
        if manner.start_never_comes:
            return HangUp() if now >= MUTE_FOR else None
        enough = manner.longest if manner.longest is not None else manner.hangs_up_after
        if enough is not None and now >= enough:
            return HangUp()
        if self._patience is not None and now >= self._quiet_since + self._patience:
            return HangUp()
        return None

    def speaking(self, now: float) -> bool:
        """Is the person talking at this moment?"""
        if self._manner.greets:
            return GREETING[0] <= now < GREETING[1]
        return self._manner.talks_over and now >= TALKS_FROM and (now - TALKS_FROM) % TALKS_EVERY < TALKS_FOR

    def next_mark_at(self) -> float | None:
        """When the next mark will have been played."""
        return self._marks[0][0] if self._marks else None

    def totals(self) -> dict[str, int]:
        return asdict(self.counts)


def _inner(message: dict[str, Any], key: str) -> dict[str, Any]:
    inner = message.get(key)
    return inner if isinstance(inner, dict) else {}


def _peak(audio: bytes) -> int:
    """The loudest of every eighth sample: enough to tell speech from silence."""
    samples = array("h", audio[: len(audio) // 2 * 2])[::8]
    loudest, lowest = (max(samples), min(samples)) if samples else (0, 0)
    return max(loudest, -lowest)
