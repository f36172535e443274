"""What all parts of one exchange share: its calls, its agenda, and the effects that wait to be carried out."""

import heapq
import itertools
import random
from collections.abc import Callable
from dataclasses import dataclass, field
from enum import Enum

from dialer.simulator.callbacks import Delivery, Posting
from dialer.simulator.calls import Call
from dialer.simulator.ledger import Entry
from dialer.simulator.options import Options

Write = Callable[[Entry], None]


class Step(Enum):
    """What an appointment is for."""

    RING = "ring"
    ANSWER = "answer"
    END = "end"  # by the carrier, with the status of the appointment
    LEAVE = "leave"  # the person hangs up
    DELIVER = "deliver"
    APPLET = "applet"  # a flow enters this applet; none: it is over
    PRESS = "press"  # these keys, in a menu
    LEG = "leg"  # the second leg picks up, or does not
    CUT = "cut"  # this stream has had its time


@dataclass(frozen=True)
class Deliver:
    """Post this callback, then tell `delivered`."""

    delivery: Delivery


@dataclass(frozen=True)
class OpenStream:
    """Dial the far side of this stream, then tell `stream_opened` and `stream_closed`, or `stream_failed`."""

    sid: str
    stream_sid: str


@dataclass(frozen=True)
class CutStream:
    """The stream is over: say stop and drop the socket."""

    sid: str
    stream_sid: str
    by: str


@dataclass(frozen=True)
class Ask:
    """Send a flow's request, then tell `asked`. `kind`: passthru or dynamic-url; `sync`: the flow waits for it."""

    sid: str
    applet: str
    kind: str
    posting: Posting
    sync: bool


Effect = Deliver | OpenStream | CutStream | Ask


@dataclass(frozen=True, order=True)
class Appointment:
    """One thing that is due at a time; `turn` keeps the order of those due together."""

    at: float
    turn: int
    step: Step = field(compare=False)
    sid: str = field(compare=False)
    what: str | Delivery = field(compare=False)


class World:
    """No I/O and no clock; times are epoch seconds of wall time."""

    def __init__(self, options: Options, write: Write) -> None:
        self.options, self.write = options, write
        self.calls: dict[str, Call] = {}
        self.effects: list[Effect] = []
        self._agenda: list[Appointment] = []
        self._turns = itertools.count()

    def plan(self, at: float, step: Step, call: Call, what: str | Delivery = "") -> None:
        heapq.heappush(self._agenda, Appointment(at, next(self._turns), step, call.sid, what))

    def next_due(self, now: float) -> Appointment | None:
        """The next appointment that is due by now, taken out of the agenda."""
        return heapq.heappop(self._agenda) if self._agenda and self._agenda[0].at <= now else None

    def next_at(self) -> float | None:
        """When something is due again; at once (0) while effects wait."""
        if self.effects:
            return 0.0
        return self._agenda[0].at if self._agenda else None

    def wall(self, carrier_seconds: float) -> float:
        return carrier_seconds / self.options.speed

    def chance(self, name: str, ordinal: int) -> random.Random:
        """A generator of its own for each question, so that no answer depends on the order of calls."""
        return random.Random(f"{self.options.seed}:{name}:{ordinal}")
