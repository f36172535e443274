"""The exchange: accounts, calls and what is due when. No I/O, no clock: time comes in, effects go out.

Times are epoch seconds of wall time; carrier seconds are divided by the speed on their way in. What chance
decides about a call comes from a generator of its own (seed, number, which call to it), so that no outcome
depends on the order of other calls. Everything that happens is written to the ledger before its effect.
"""

import heapq
import itertools
import random
from collections import Counter, deque
from collections.abc import Callable, Iterable
from dataclasses import asdict, dataclass, field
from enum import Enum

from dialer.simulator import callbacks
from dialer.simulator.callbacks import Delivery, Posting
from dialer.simulator.calls import Call
from dialer.simulator.fates import TABLE, Answer, Callbacks, Fate, Outcome, Refusal, fate_of
from dialer.simulator.identity import sid
from dialer.simulator.ledger import Entry, collect
from dialer.simulator.options import Options
from dialer.simulator.orders import Order

Write = Callable[[Entry], None]


class Step(Enum):
    RING = "ring"
    ANSWER = "answer"
    END = "end"
    DELIVER = "deliver"


@dataclass(frozen=True)
class Deliver:
    """Post this callback, then tell `delivered`."""

    delivery: Delivery


@dataclass(frozen=True)
class OpenStream:
    """Dial the bot of this call, then tell `stream_opened` and `stream_closed`."""

    sid: str


@dataclass(frozen=True)
class CutStream:
    """The call is over: say stop and drop the socket."""

    sid: str
    by: str


Effect = Deliver | OpenStream | CutStream


@dataclass(frozen=True)
class Placed:
    """The call exists; `answer` says what of that reaches the client, `delay` when (wall seconds)."""

    call: Call
    answer: Answer
    delay: float


@dataclass(frozen=True)
class Refused:
    """No call. Status 0: the connection closes without an answer."""

    refusal: Refusal
    delay: float


@dataclass(frozen=True, order=True)
class _Appointment:
    at: float
    turn: int
    step: Step = field(compare=False)
    sid: str = field(compare=False)
    what: str | Delivery = field(compare=False)


class Exchange:
    """One pretend Exotel with one account."""

    def __init__(self, options: Options, write: Write) -> None:
        self.options = options
        self.calls: dict[str, Call] = {}
        self._write = write
        self._agenda: list[_Appointment] = []
        self._turns = itertools.count()
        self._open: set[str] = set()
        self._streams: set[str] = set()
        self._tries: Counter[str] = Counter()
        self._refusals: Counter[str] = Counter()
        self._requests: deque[float] = deque()

    # Requests

    def admit(self, now: float) -> float | None:
        """Wall seconds to wait if the account has used up its sliding minute, else None and it counts."""
        window = self._wall(60.0)
        while self._requests and self._requests[0] <= now - window:
            self._requests.popleft()
        if len(self._requests) >= self.options.calls_per_minute:
            return self._requests[0] + window - now
        self._requests.append(now)
        return None

    def connect(self, order: Order, now: float) -> Placed | Refused:
        """Take an order: the call it makes, or the refusal its number is fated to. Writes the ledger."""
        ordinal = self._tries[order.customer] + 1
        fate = fate_of(order.customer, self.options.seed, ordinal)
        chance = self._chance(order.customer, ordinal)
        delay = self._wall(self.options.latency * chance.uniform(0.7, 1.3))
        if self._refuses(fate, order.customer):
            return Refused(self._refuse(fate, order, now), delay)
        call = self._place(order, fate, ordinal, now)
        self._write(_accepted(call, len(self.calls)))
        self._schedule(call, full=len(self._open) > self.options.channels)
        return Placed(call, fate.answer, delay)

    def refused(self, now: float, status: int, message: str, number: str | None, mark: str | None) -> None:
        """Write down a request that was turned away before its number mattered."""
        self._write(_refused(now, number, Refusal(status, message), None, mark))

    def _refuses(self, fate: Fate, number: str) -> bool:
        times = fate.refusal.times if fate.refusal else 0
        return times is None or self._refusals[number] < times

    def _refuse(self, fate: Fate, order: Order, now: float) -> Refusal:
        assert fate.refusal is not None  # noqa: S101 - _refuses said so
        self._refusals[order.customer] += 1
        message = fate.refusal.message.format(number=order.customer)
        refusal = Refusal(fate.refusal.status, message, fate.refusal.retry_after)
        self._write(_refused(now, order.customer, refusal, fate.code, order.custom_field))
        return refusal

    def _place(self, order: Order, fate: Fate, ordinal: int, now: float) -> Call:
        name = sid(f"call:{self.options.seed}:{order.customer}:{ordinal}:{now}", now)
        return self._add(name, order, fate, ordinal, now)

    def _add(self, name: str, order: Order, fate: Fate, ordinal: int, received_at: float) -> Call:
        ring = self._chance(f"ring:{order.customer}", ordinal).uniform(3.0, 8.0)
        call = Call(
            sid=name,
            order=order,
            fate=fate,
            ordinal=ordinal,
            received_at=received_at,
            lead=self.options.latency * 1.3,
            ring=ring,
            speed=self.options.speed,
            updated_at=received_at,
        )
        self.calls[name] = call
        self._tries[order.customer] = ordinal
        self._open.add(name)
        return call

    def _schedule(self, call: Call, *, full: bool, not_before: float = 0.0) -> None:
        if full or call.fate.answer is Answer.AFTER_CALLBACK:
            self._plan(max(call.received_at, not_before), Step.END, call, "failed")
            return
        begins = call.received_at + self._wall(call.lead)
        step, after, what = self._plan_of(call)
        if "ringing" not in call.told:
            self._plan(max(begins, not_before), Step.RING, call)
        self._plan(max(begins + self._wall(after), not_before), step, call, what)

    def _plan_of(self, call: Call) -> tuple[Step, float, str]:
        """What the ringing comes to, after how many carrier seconds of it."""
        limit = float(call.order.time_out)
        if call.fate.outcome is Outcome.NO_ANSWER or call.ring >= limit:
            return Step.END, limit, "no-answer"
        if call.fate.outcome is Outcome.ANSWERS:
            return Step.ANSWER, call.ring, ""
        return Step.END, call.ring, call.fate.outcome.value

    # Time

    def next_at(self) -> float | None:
        """When `due` has something to say again, if nothing else happens."""
        return self._agenda[0].at if self._agenda else None

    def due(self, now: float) -> list[Effect]:
        """Let everything happen that is due by now; what the outside has to do about it."""
        effects: list[Effect] = []
        while self._agenda and self._agenda[0].at <= now:
            effects += self._keep(heapq.heappop(self._agenda))
        return effects

    def _keep(self, appointment: _Appointment) -> list[Effect]:
        call = self.calls[appointment.sid]
        if isinstance(appointment.what, Delivery):
            return self._deliver(appointment.what, appointment.at)
        if not call.open:
            return []
        if appointment.step is Step.RING:
            self._tell(call, "ringing", appointment.at)
            return []
        if appointment.step is Step.ANSWER:
            return self._answer(call, appointment.at)
        return self._end(call, appointment.at, appointment.what, by="carrier")

    def _answer(self, call: Call, at: float) -> list[Effect]:
        call.answered_at = call.updated_at = at
        self._write({"event": "answered", "at": at, "sid": call.sid})
        self._tell(call, "answered", at)
        return self._talk(call, at)

    def _talk(self, call: Call, at: float) -> list[Effect]:
        """What an answered call does next. Flows are played in their simplest form: a greeting, then the end."""
        assert call.answered_at is not None  # noqa: S101 - both callers have just seen it
        limit = call.answered_at + self._wall(float(call.order.time_limit))
        self._plan(max(limit, at), Step.END, call, "completed")
        if call.order.kind == "stream":
            return [OpenStream(call.sid)]
        greeting = self._chance(f"greeting:{call.order.customer}", call.ordinal).uniform(4.0, 9.0)
        length = call.fate.manner.hangs_up_after or greeting
        self._plan(max(call.answered_at + self._wall(length), at), Step.END, call, "completed")
        return []

    def _end(self, call: Call, at: float, status: str, *, by: str) -> list[Effect]:
        call.status, call.ended_at, call.updated_at = status, at, at
        self._open.discard(call.sid)
        entry = {"event": "ended", "at": at, "sid": call.sid, "status": status, "by": by}
        self._write(entry | {"duration": call.duration, "conversation": call.conversation})
        self._tell(call, "terminal", at)
        if call.sid not in self._streams:
            return []
        return [CutStream(call.sid, by)]

    # Streams

    def stream_opened(self, name: str, stream_sid: str, now: float) -> None:
        """The bot's socket stands."""
        self.calls[name].stream_sid = stream_sid
        self._streams.add(name)
        entry = {"event": "stream", "at": now, "sid": name, "state": "opened", "stream_sid": stream_sid}
        self._write(entry)

    def stream_failed(self, name: str, error: str, now: float) -> None:
        """The bot's socket never stood: the answered call ends as failed."""
        self._write({"event": "stream", "at": now, "sid": name, "state": "failed", "error": error})
        if self.calls[name].open:
            self._end(self.calls[name], now, "failed", by="carrier")

    def stream_closed(self, name: str, by: str, counts: dict[str, int], now: float) -> None:
        """The stream is over, `by` bot, person or carrier: so is the call, unless it ended before."""
        self._streams.discard(name)
        self._write({"event": "stream", "at": now, "sid": name, "state": "closed", "by": by} | counts)
        if self.calls[name].open:
            self._end(self.calls[name], now, "completed", by=by)

    def pressed(self, name: str, digit: str, now: float) -> None:
        self._write({"event": "dtmf", "at": now, "sid": name, "digit": digit})

    @property
    def active_streams(self) -> int:
        return len(self._streams)

    @property
    def open_calls(self) -> int:
        return len(self._open)

    def is_open(self, name: str) -> bool:
        return name in self._open

    # Callbacks

    def posting(self, delivery: Delivery, now: float) -> Posting:
        """The request that tells this event."""
        return callbacks.posting(self.calls[delivery.sid], delivery, self.options, now)

    def delivered(self, delivery: Delivery, status: int | None, now: float) -> None:
        """What came of a callback: the HTTP status, None for none. Plans the next try after a failure."""
        self._write(_callback(delivery, now, status))
        call = self.calls[delivery.sid]
        if status is not None and 200 <= status < 300:
            call.told.add(delivery.event)
        elif delivery.attempt <= len(callbacks.RETRY_AFTER):
            wait = self._wall(callbacks.RETRY_AFTER[delivery.attempt - 1])
            again = Delivery(delivery.sid, delivery.event, delivery.attempt + 1, delivery.copy)
            self._plan(now + wait, Step.DELIVER, call, again)
        else:
            call.told.add(delivery.event)

    def _tell(self, call: Call, event: str, at: float) -> None:
        """Plan the callback of an event, the way the number is fated to have it told."""
        if event not in callbacks.events_of(call, self.options):
            return
        trouble = call.fate.callbacks
        if trouble is Callbacks.REVERSED and event == "answered" and call.open:
            return  # told after the end
        late = self._wall(callbacks.LATE) if trouble is Callbacks.LATE else 0.0
        self._plan(at + late, Step.DELIVER, call, Delivery(call.sid, event))
        if trouble is Callbacks.DOUBLED:
            self._plan(at + late, Step.DELIVER, call, Delivery(call.sid, event, copy=2))
        if trouble is Callbacks.REVERSED and event == "terminal" and call.answered_at:
            self._tell_after(call, at + max(self._wall(2.0), 0.2))

    def _tell_after(self, call: Call, at: float) -> None:
        if "answered" in callbacks.events_of(call, self.options):
            self._plan(at, Step.DELIVER, call, Delivery(call.sid, "answered"))

    def _deliver(self, delivery: Delivery, at: float) -> list[Effect]:
        if self.calls[delivery.sid].fate.callbacks is not Callbacks.LOST:
            return [Deliver(delivery)]
        self._write(_callback(delivery, at, None) | {"lost": True})
        self.calls[delivery.sid].told.add(delivery.event)
        return []

    # Starting again

    def restore(self, entries: Iterable[Entry], now: float) -> None:
        """Take up the calls of an earlier run.

        A ringing call rings on, an answered one without a stream goes on, one whose stream died with the
        process ends as completed, and callbacks that nobody got are sent.
        """
        book = collect(entries)
        for refused in book.of("refused"):
            self._refusals[refused["from"]] += refused["fate"] is not None
        for record in book.calls.values():
            entry = record.accepted
            fate = TABLE[entry["fate"]]
            order = Order(**entry["order"] | {"events": tuple(entry["order"]["events"])})
            call = self._add(record.sid, order, fate, entry["call"], entry["received_at"])
            if record.answered:
                call.answered_at = call.updated_at = record.answered["at"]
            if record.ended:
                call.status, call.ended_at = record.ended["status"], record.ended["at"]
                call.updated_at = record.ended["at"]
                self._open.discard(call.sid)
            self._remember_callbacks(call, record.callbacks, now)
            if call.open:
                self._go_on(call, streamed=bool(record.streams), now=now)

    def _go_on(self, call: Call, *, streamed: bool, now: float) -> None:
        if call.answered_at is None:
            self._schedule(call, full=False, not_before=now)
        elif streamed:
            self._end(call, now, "completed", by="carrier")
        elif call.order.kind == "stream":
            # The socket was never seen open: the person waits no longer.
            self._end(call, now, "failed", by="carrier")
        else:
            self._talk(call, now)

    def _remember_callbacks(self, call: Call, past: list[Entry], now: float) -> None:
        happened = {"answered": call.answered_at, "terminal": call.ended_at}
        for event in callbacks.events_of(call, self.options):
            tries = [entry for entry in past if entry["kind"] == event and entry["copy"] == 1]
            settled = any(entry.get("lost") or 200 <= (entry["status"] or 0) < 300 for entry in tries)
            if settled or len(tries) > len(callbacks.RETRY_AFTER):
                call.told.add(event)
            elif happened.get(event) is not None:
                self._plan(now, Step.DELIVER, call, Delivery(call.sid, event, len(tries) + 1))

    # Small things

    def _plan(self, at: float, step: Step, call: Call, what: str | Delivery = "") -> None:
        heapq.heappush(self._agenda, _Appointment(at, next(self._turns), step, call.sid, what))

    def _wall(self, carrier_seconds: float) -> float:
        return carrier_seconds / self.options.speed

    def _chance(self, name: str, ordinal: int) -> random.Random:
        return random.Random(f"{self.options.seed}:{name}:{ordinal}")


def _accepted(call: Call, number: int) -> Entry:
    order = call.order
    return {
        "event": "accepted",
        "at": call.received_at,
        "received_at": call.received_at,
        "number": number,
        "call": call.ordinal,
        "sid": call.sid,
        "from": order.customer,
        "caller_id": order.exophone,
        "kind": order.kind,
        "custom_field": order.custom_field,
        "stream_url": order.stream_url,
        "status_callback": order.status_callback,
        "fate": call.fate.code,
        "order": asdict(order),
    }


def _refused(now: float, number: str | None, refusal: Refusal, fate: str | None, mark: str | None) -> Entry:
    return {
        "event": "refused",
        "at": now,
        "from": number,
        "status": refusal.status,
        "message": refusal.message,
        "fate": fate,
        "custom_field": mark,
    }


def _callback(delivery: Delivery, now: float, status: int | None) -> Entry:
    return {
        "event": "callback",
        "at": now,
        "sid": delivery.sid,
        "kind": delivery.event,
        "attempt": delivery.attempt,
        "copy": delivery.copy,
        "status": status,
    }
