"""One stream's state, without I/O and without a clock: frames and the time go in, events and commands come out.

The rules of the transition table:

- a stream is *opening* until Exotel's start, and closes itself if that does not come within 10 s;
- *live*: audio goes both ways;
- *ending*: we have decided to hang up; what is queued is still played, and when its last mark has come back, or
  3 s after it should have, the socket is closed with 1000;
- *closed* is final: nothing is read, nothing is sent.

Audio is handed out near real time: never more than 5 s ahead of the playback clock, which is our estimate of what
the far end still holds. Barge-in stops sending, clears the far end, and forgets the marks that were pending.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from enum import StrEnum
from typing import Final

from botbridge import audio, g711
from botbridge.outbox import Outbox, QueuedMark
from botbridge.protocol import (
    Close,
    ClosedBy,
    Command,
    Dtmf,
    Event,
    Mark,
    Media,
    ProtocolError,
    SendClear,
    SendMark,
    SendMedia,
    Start,
    Stop,
    decode,
)

START_TIMEOUT: Final = 10.0
STREAM_SECONDS_MAX: Final = 3_600.0
"""The vendor's cap on a stream. Source: developer.exotel.com/docs/agentstream/developer-guide."""
IDLE_TIMEOUT: Final = 45.0
"""Seconds without any frame. Exotel sends silence too, so this is a connection that died without saying so."""
LEAD: Final = 5.0
MARK_PATIENCE: Final = 3.0
FLOW_PATIENCE: Final = 0.3
"""Seconds that the end of a flow, too little to be sent, waits for its next piece."""
ERROR_BUDGET: Final = 20
MESSAGE_MAX: Final = 262_144
RATE_FACTOR: Final = 4
BURST_SECONDS: Final = 8.0
"""Seconds of nominal traffic that may arrive at once, as after a stall of the network."""
FRAME_COST_MIN: Final = 320
"""Bytes that even the smallest frame counts for, because its cost is in being a frame."""


class State(StrEnum):
    """Where a stream stands."""

    OPENING = "opening"
    LIVE = "live"
    ENDING = "ending"
    CLOSED = "closed"


class Step(StrEnum):
    """What moves a stream on."""

    STARTED = "started"
    HANG_UP = "hang up"
    CLOSE = "close"


TRANSITIONS: Final[dict[tuple[State, Step], State]] = {
    (State.OPENING, Step.STARTED): State.LIVE,
    (State.LIVE, Step.HANG_UP): State.ENDING,
    (State.OPENING, Step.CLOSE): State.CLOSED,
    (State.LIVE, Step.CLOSE): State.CLOSED,
    (State.ENDING, Step.CLOSE): State.CLOSED,
}


class IllegalTransition(Exception):
    """A step that the state does not allow: a fault in our own program, never of the peer."""


@dataclass(slots=True)
class Traffic:
    """What went over the socket: frames, and the bytes of their audio."""

    frames_in: int = 0
    frames_out: int = 0
    bytes_in: int = 0
    bytes_out: int = 0
    errors: int = 0
    gaps: int = 0


class Session:
    """One stream. Times are seconds of one monotonic clock, handed in with every call."""

    def __init__(
        self,
        *,
        now: float,
        sample_rate: int = 8000,
        time_limit: float = STREAM_SECONDS_MAX,
        rate_factor: float = RATE_FACTOR,
        listens_only: bool = False,
    ) -> None:
        self.state = State.OPENING
        self._listens_only = listens_only  # a Stream applet takes nothing from us
        self.sample_rate = sample_rate
        self._mulaw = False  # what goes over the wire; everybody else has PCM16
        self._half = b""  # of a sample: what a frame of an odd number of bytes left over
        self.stream_sid = ""
        self.started_at: float | None = None
        self.ended_by: Close | Stop | None = None
        self.last_problem = ""
        self.traffic = Traffic()
        self._opened_at = now
        self._heard_at = now
        self._rate_factor = rate_factor
        self._time_limit = min(time_limit, STREAM_SECONDS_MAX)
        self._outbox = Outbox(sample_rate)
        self._flow_seen: float | None = None  # when the end of a flow began to wait
        self._unmarked = False  # something was queued that no mark follows
        self._marks: dict[str, float] = {}  # name -> when its audio should have been played
        self._names = 0
        self._commands: list[Command] = []
        self._played_by = now  # when the far end will have played everything it was sent
        self._sequence: int | None = None
        self._allowance = self._nominal() * BURST_SECONDS
        self._allowance_at = now

    # --- from Exotel ----------------------------------------------------------------------------------------

    def receive(self, frame: str | bytes, now: float) -> Event | None:
        """Take one frame in. Returns the event if the bot or the timeline has use for it. Never raises."""
        if self.state is State.CLOSED or not self._affordable(len(frame), now):
            return None
        self.traffic.frames_in += 1
        self._heard_at = now
        try:
            event = decode(frame)
            return self._admit(event, now) if event else None
        except ProtocolError as error:
            self._count_error(error)
            return None

    def _admit(self, event: Event, now: float) -> Event:
        match event:
            case Media(payload=payload, sequence=sequence):
                self._require_started()
                self._follow(sequence)
                self.traffic.bytes_in += len(payload)
                if self._mulaw:
                    return replace(event, payload=g711.decode(payload))
                if self._half or len(payload) % audio.SAMPLE_BYTES:
                    return replace(event, payload=self._whole(payload))
            case Start():
                self._begin(event, now)
            case Mark(name=name):
                self._require_started()
                self._heard_until(name, now)
            case Dtmf(sequence=sequence):
                self._require_started()
                self._follow(sequence)
            case Stop():
                self.ended_by = event
                self._shut()
            case _:
                pass
        return event

    def _whole(self, payload: bytes) -> bytes:
        """The whole samples of a frame. Half a sample at its end waits for the next frame, which completes it if it is
        odd as well; else the other half was lost, and joining them would turn all that follows into noise."""
        if len(payload) % audio.SAMPLE_BYTES:
            payload = self._half + payload
        whole = len(payload) - len(payload) % audio.SAMPLE_BYTES
        self._half = payload[whole:]
        return payload[:whole]

    def _begin(self, start: Start, now: float) -> None:
        if self.state is not State.OPENING:
            raise ProtocolError("second start")
        self._move(Step.STARTED)
        self.stream_sid = start.stream_sid
        self.sample_rate = start.sample_rate or self.sample_rate
        self._mulaw = g711.is_mulaw(start.encoding)
        self._outbox = Outbox(self.sample_rate, mulaw=self._mulaw)
        self.started_at = self._played_by = now
        self._sequence = start.sequence

    def _require_started(self) -> None:
        if self.started_at is None:
            raise ProtocolError("talk before start")

    def _follow(self, sequence: int | None) -> None:
        if sequence is None:
            return
        if self._sequence is not None and sequence > self._sequence + 1:
            self.traffic.gaps += 1
        self._sequence = sequence

    def _heard_until(self, name: str, now: float) -> None:
        """Set the playback clock by a mark: what was sent after it is what is still to be heard."""
        expected = self._marks.pop(name, None)
        if expected is None:
            return  # forgotten by a barge-in; the far end may still return it
        self._played_by += now - expected
        self._marks = {other: due + now - expected for other, due in self._marks.items()}

    def _count_error(self, error: ProtocolError) -> None:
        self.traffic.errors += 1
        self.last_problem = error.problem
        if self.traffic.errors >= ERROR_BUDGET:
            self.close(1003, f"too many unreadable frames, the last one: {error.problem}", "error")

    def _nominal(self) -> float:
        """Bytes a second that a stream of this rate brings: base64 of 20 ms, fifty times, in its JSON."""
        return self.sample_rate * audio.SAMPLE_BYTES * 4 / 3 + 50 * 130

    def _affordable(self, size: int, now: float) -> bool:
        if size > MESSAGE_MAX:
            self.close(1009, "a message of more than 262,144 bytes", "limit")
            return False
        earned = (now - self._allowance_at) * self._nominal() * self._rate_factor
        self._allowance_at = now
        self._allowance = min(self._nominal() * BURST_SECONDS, self._allowance + earned)
        self._allowance -= max(size, FRAME_COST_MIN)
        if self._allowance < 0:
            self.close(1008, "far more traffic than a call makes", "limit")
            return False
        return True

    def lost(self) -> None:
        """The socket has gone without a word; `ended_by` stays None."""
        if self.state is not State.CLOSED:
            self._shut()

    # --- from the bot ---------------------------------------------------------------------------------------

    def say(self, pcm: bytes, *, mark: bool = True) -> str:
        """Queue audio (PCM16 at `sample_rate`). Returns the name of the mark that will tell when it was heard.

        Without `mark` the audio is a piece, of any size, of a longer flow nobody waits for, and the name is empty.
        """
        if self.state is not State.LIVE or self._listens_only:
            return ""
        self._unmarked, self._flow_seen = True, None
        if mark:
            self._outbox.say(pcm)
            return self._queue_mark()
        self._outbox.flow(pcm)
        return ""

    def playing(self, mark: str) -> bool:
        """Whether the audio before this mark is still queued or on its way to the person's ear."""
        return mark in self._marks or mark in self._outbox.marks()

    def unheard(self, now: float) -> float:
        """Seconds of audio queued or sent that the person has not heard yet."""
        queued = audio.seconds(self._outbox.bytes, self.sample_rate)
        return queued + max(0.0, self._played_by - now)

    def interrupt(self, now: float) -> float:
        """Barge-in: stop sending, clear the far end, forget pending marks. Returns the seconds cut off."""
        cut = self.unheard(now)
        if self.state is State.LIVE and (cut > 0 or self._marks or self._outbox):
            if self._played_by > now or self._marks:
                self.traffic.frames_out += 1
                self._commands.append(SendClear(self.stream_sid))
            self._forget_audio()
            self._played_by = now
        return cut

    def hang_up(self) -> None:
        """Close the socket as soon as everything queued has been heard. Again, or when closed: nothing happens."""
        if self.state is State.OPENING:
            self.close(1000, "hung up before the start")
        elif self.state is State.LIVE:
            if self._unmarked:
                self._queue_mark()
            self._move(Step.HANG_UP)

    def close(self, code: int, reason: str, by: ClosedBy = "bot") -> None:
        """Close the socket now."""
        if self.state is not State.CLOSED:
            self.ended_by = Close(code, reason, by)
            self._shut()
            self._commands.append(self.ended_by)

    def _queue_mark(self) -> str:
        self._names += 1
        self._unmarked = False
        name = f"m{self._names}"
        self._outbox.mark(name)
        return name

    # --- to Exotel ------------------------------------------------------------------------------------------

    def poll(self, now: float) -> list[Command]:
        """The commands to carry out now, in order. Close, if there is one, is the last."""
        self._check_times(now)
        if self.state in {State.LIVE, State.ENDING}:
            self._expire_marks(now)
            self._end_flow(now)
            self._send_queued(now)
        if self.state is State.ENDING and not self._outbox and not self._marks:
            self.close(1000, "the bot hung up")
        commands, self._commands = self._commands, []
        return commands

    def next_poll(self, now: float) -> float:
        """When `poll` has something to do next, if nothing else happens: seconds from now."""
        if self._commands:
            return 0.0
        if self.state is State.CLOSED:
            return IDLE_TIMEOUT
        due = [self._deadline(), self._heard_at + IDLE_TIMEOUT]
        due += [expected + MARK_PATIENCE for expected in self._marks.values()]
        if self.state is State.ENDING and not self._outbox and not self._marks:
            due.append(now)
        if self._flow_seen is not None:
            due.append(self._flow_seen + FLOW_PATIENCE)
        if (item := self._outbox.first) is not None:
            due.append(now if isinstance(item, QueuedMark) else self._sendable_at(item))
        return max(0.0, min(due) - now)

    def _deadline(self) -> float:
        if self.started_at is None:
            return self._opened_at + START_TIMEOUT
        return self.started_at + self._time_limit

    def _check_times(self, now: float) -> None:
        if now >= self._deadline():
            if self.started_at is None:
                self.close(1002, "no start within 10 seconds", "error")
            else:
                self.close(1000, "the time limit was reached", "limit")
        elif now >= self._heard_at + IDLE_TIMEOUT:
            self.close(1001, "nothing heard from the network for 45 seconds", "network")

    def _sendable_at(self, piece: audio.Piece) -> float:
        return self._played_by + audio.seconds(len(piece), self.sample_rate) - LEAD

    def _end_flow(self, now: float) -> None:
        if not self._outbox.flowing:
            self._flow_seen = None
        elif self._flow_seen is None:
            self._flow_seen = now
        elif now >= self._flow_seen + FLOW_PATIENCE:
            self._outbox.end_flow()
            self._flow_seen = None

    def _send_queued(self, now: float) -> None:
        while (item := self._outbox.first) is not None:
            if not isinstance(item, QueuedMark) and now < self._sendable_at(item):
                return
            self._outbox.pop()
            self._send(item, now)

    def _send(self, item: audio.Piece | QueuedMark, now: float) -> None:
        self.traffic.frames_out += 1
        if isinstance(item, QueuedMark):
            self._marks[item.name] = max(self._played_by, now)
            self._commands.append(SendMark(self.stream_sid, item.name))
            return
        payload = g711.encode(item) if self._mulaw else bytes(item)
        self.traffic.bytes_out += len(payload)
        self._played_by = max(self._played_by, now) + audio.seconds(len(item), self.sample_rate)
        self._commands.append(SendMedia(self.stream_sid, payload))

    def _expire_marks(self, now: float) -> None:
        late = [name for name, expected in self._marks.items() if now >= expected + MARK_PATIENCE]
        for name in late:
            del self._marks[name]

    # --- state ----------------------------------------------------------------------------------------------

    def _move(self, step: Step) -> None:
        try:
            self.state = TRANSITIONS[self.state, step]
        except KeyError:
            raise IllegalTransition(f"{step} while {self.state}") from None

    def _shut(self) -> None:
        self._move(Step.CLOSE)
        self._commands.clear()
        self._forget_audio()

    def _forget_audio(self) -> None:
        self._outbox.clear()
        self._flow_seen = None
        self._unmarked = False
        self._marks.clear()
