"""One call: what was ordered and what has happened to it so far."""

import math
from dataclasses import dataclass, field

from dialer.simulator.fates import Fate
from dialer.simulator.orders import Order

PRICE_PER_MINUTE = 0.75


@dataclass
class Leg:
    """The second leg of a call: the human that a flow connects to."""

    number: str
    status: str = ""
    answered_at: float | None = None
    ended_at: float | None = None

    def finish(self, at: float) -> None:
        """The leg is over, if it was not before."""
        if self.ended_at is None:
            self.ended_at = at
            self.status = "completed" if self.answered_at else self.status or "canceled"

    def on_call(self, speed: float) -> int:
        """Carrier seconds of talk, once it is over."""
        return round((self.ended_at - self.answered_at) * speed) if self.answered_at and self.ended_at else 0


@dataclass
class Progress:
    """How far a flow has come."""

    app_id: str
    applet: str = ""
    entered: int = 0
    digits: str = ""
    waiting: bool = False  # a Passthru waits for the end of the stream before it
    listens: bool = False  # the applet before this one began a one-way stream
    unaddressed: int = 0  # one-way streams whose address was asked for


@dataclass
class Call:
    """A call that was accepted. Times are epoch seconds; `speed` turns wall into carrier seconds."""

    sid: str
    order: Order
    fate: Fate
    ordinal: int  # which call to this number it is, from 1
    received_at: float
    lead: float  # carrier seconds from the request to the ringing
    ring: float  # carrier seconds of ringing
    speed: float
    status: str = "in-progress"
    answered_at: float | None = None
    ended_at: float | None = None
    updated_at: float = 0.0
    stream_sids: list[str] = field(default_factory=list)
    flow: Progress | None = None
    second: Leg | None = None
    told: set[str] = field(default_factory=set)  # callback events whose delivery is over

    @property
    def open(self) -> bool:
        return self.ended_at is None

    @property
    def duration(self) -> int | None:
        """Carrier seconds, ringing included (fact sheet, section 5); None while the call goes on."""
        if self.ended_at is None:
            return None
        rung = max(0.0, self.ended_at - self.received_at - self.lead / self.speed)
        return max(round(rung * self.speed), self.conversation)

    @property
    def conversation(self) -> int:
        """Carrier seconds of talk."""
        if self.ended_at is None or self.answered_at is None:
            return 0
        return round((self.ended_at - self.answered_at) * self.speed)

    @property
    def price(self) -> float | None:
        if self.ended_at is None:
            return None
        return PRICE_PER_MINUTE * math.ceil((self.conversation or 1) / 60) if self.answered_at else 0.0

    @property
    def recorded(self) -> bool:
        return self.order.record and self.answered_at is not None and not self.open
