"""The exchange: accounts, calls and what is due when. No I/O, no clock: time comes in, effects go out.

Times are epoch seconds of wall time; carrier seconds are divided by the speed on their way in. What chance
decides about a call comes from a generator of its own (seed, number, which call to it), so that no outcome
depends on the order of other calls. Everything that happens is written to the ledger before its effect.
"""

from collections import Counter, deque
from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass

from dialer.simulator.callbacks import Delivery, Posting
from dialer.simulator.calls import Call
from dialer.simulator.fates import TABLE, Answer, Fate, Outcome, Refusal, fate_of
from dialer.simulator.flows import Flowbook
from dialer.simulator.identity import guide_sid, sid
from dialer.simulator.ledger import CallRecord, Entry, collect
from dialer.simulator.options import Options
from dialer.simulator.orders import Order
from dialer.simulator.player import Player
from dialer.simulator.streams import Stream, Streams
from dialer.simulator.telling import Telling
from dialer.simulator.world import Appointment, Ask, Effect, Step, World, Write


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


class Exchange:
    """One pretend Exotel with one account."""

    def __init__(self, options: Options, write: Write, book: Flowbook | None = None) -> None:
        self.options = options
        self._world = World(options, write)
        self._write = write
        self._wall, self._plan, self._chance = self._world.wall, self._world.plan, self._world.chance
        self.calls = self._world.calls
        self.streams = Streams(self._world)
        self._telling = Telling(self._world)
        book = book or Flowbook({}, options.variables, options.account_sid)
        self._player = Player(self._world, self.streams, self._telling, book, self._hang_up)
        self._open: set[str] = set()
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
        name = f"call:{self.options.seed}:{order.customer}:{ordinal}:{now}"
        name = guide_sid("CA", name) if self.options.guide else sid(name, now)
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
            status="queued" if self.options.guide else "in-progress",
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
        """When `due` has something to say again, if nothing else happens; 0 when it has now."""
        return self._world.next_at()

    def due(self, now: float) -> list[Effect]:
        """Let everything happen that is due by now; what the outside has to do about it."""
        while appointment := self._world.next_due(now):
            self._keep(appointment)
        effects = list(self._world.effects)
        self._world.effects.clear()
        return effects

    def _keep(self, appointment: Appointment) -> None:
        call, at, what = self.calls[appointment.sid], appointment.at, appointment.what
        if isinstance(what, Delivery):
            self._telling.send(what, at)
        elif appointment.step is Step.CUT:
            self.streams.cut(self.streams.known[what], "carrier")
        elif call.open:
            self._proceed(call, appointment.step, what, at)

    def _proceed(self, call: Call, step: Step, what: str, at: float) -> None:
        match step:
            case Step.RING:
                call.status = "in-progress"
                self._telling.tell(call, "ringing", at)
            case Step.ANSWER:
                self._answer(call, at)
            case Step.LEAVE:
                self._hang_up(call, at, "completed", "person")
            case Step.APPLET:
                self._player.enter(call, what, at)
            case Step.PRESS:
                self._player.pressed(call, what, at)
            case Step.LEG:
                self._player.leg(call, at)
            case _:
                self._hang_up(call, at, what, "carrier")

    def _answer(self, call: Call, at: float) -> None:
        call.answered_at = call.updated_at = at
        call.status = "in-progress"
        self._write({"event": "answered", "at": at, "sid": call.sid})
        self._telling.tell(call, "answered", at)
        self._limit(call, at)
        self._talk(call, at)

    def _limit(self, call: Call, at: float) -> None:
        """When the answered call ends whatever its stream or flow does: TimeLimit, and a person's patience."""
        assert call.answered_at is not None  # noqa: S101 - both callers have just seen it
        limit = call.answered_at + self._wall(float(call.order.time_limit))
        self._plan(max(limit, at), Step.END, call, "completed")
        leaves = call.fate.manner.hangs_up_after
        if call.order.one_way and leaves is None:
            leaves = self._talk_of(call)  # nobody hears a bot that could be waited for
        if (call.order.kind == "flow" or call.order.one_way) and leaves is not None:
            self._plan(max(call.answered_at + self._wall(leaves), at), Step.LEAVE, call)

    def _talk(self, call: Call, at: float) -> None:
        """What an answered call does next: its stream, its flow, or a talk of two people."""
        assert call.answered_at is not None  # noqa: S101 - both callers have just seen it
        if call.order.kind == "stream":
            stream = self.streams.open(call, call.order.stream_url or "", at, one_way=call.order.one_way)
            if not stream.live:
                self._hang_up(call, at, "failed", "carrier")
        elif call.order.kind == "flow":
            self._player.begin(call, at)
        else:
            length = call.fate.manner.hangs_up_after or self._talk_of(call)
            self._plan(max(call.answered_at + self._wall(length), at), Step.END, call, "completed")

    def _talk_of(self, call: Call) -> float:
        """Carrier seconds that a person stays on the line without a bot."""
        return self._chance(f"greeting:{call.order.customer}", call.ordinal).uniform(4.0, 9.0)

    def _hang_up(self, call: Call, at: float, status: str, by: str) -> None:
        call.status, call.ended_at, call.updated_at = status, at, at
        self._open.discard(call.sid)
        if call.second:
            call.second.finish(at)
        entry = {"event": "ended", "at": at, "sid": call.sid, "status": status, "by": by}
        self._write(entry | {"duration": call.duration, "conversation": call.conversation})
        self._telling.tell(call, "terminal", at)
        for stream in self.streams.of(call):
            self.streams.cut(stream, by)

    # What the outside tells

    def stream_opened(self, name: str, now: float) -> None:
        """The far side's socket stands."""
        self.streams.opened(self.streams.known[name], now)

    def stream_failed(self, name: str, error: str, now: float) -> None:
        """The far side's socket never stood: without a flow the answered call ends as failed."""
        stream = self.streams.known[name]
        self.streams.failed(stream, error, now)
        self._stream_over(stream, "failed", now)

    def stream_closed(self, name: str, by: str, counts: dict[str, int], now: float, *, code: int | None = None) -> None:
        """The stream is over, `by` bot, person or carrier: without a flow so is the call, if it was not before."""
        stream = self.streams.known[name]
        self.streams.closed(stream, by, counts, code, now)
        self._stream_over(stream, "completed", now)

    def _stream_over(self, stream: Stream, status: str, now: float) -> None:
        call = self.calls[stream.call_sid]
        if call.order.kind == "flow":
            self._player.stream_over(call, stream, now)
        elif call.open:
            self._hang_up(call, now, status, stream.by)

    def pressed(self, name: str, digit: str, now: float) -> None:
        """The person of this call pressed a key that went to the bot."""
        self._write({"event": "dtmf", "at": now, "sid": name, "digit": digit})

    def asked(self, ask: Ask, status: int | None, body: bytes, now: float) -> None:
        """What came of a flow's request: the HTTP status, None for none in time, and the body."""
        self._player.asked(ask, status, body, now)

    def posting(self, delivery: Delivery, now: float) -> Posting:
        """The request that tells this event."""
        return self._telling.posting(delivery, now)

    def delivered(self, delivery: Delivery, status: int | None, now: float) -> None:
        """What came of a callback: the HTTP status, None for none."""
        self._telling.delivered(delivery, status, now)

    def set_variables(self, variables: Mapping[str, str], now: float) -> None:
        """Fill placeholders of the flows from now on, and after a restart."""
        self._player.book.variables.update(variables)
        self._write({"event": "flow-vars", "at": now, "variables": dict(variables)})

    @property
    def active_streams(self) -> int:
        return self.streams.active

    @property
    def open_calls(self) -> int:
        return len(self._open)

    def is_open(self, name: str) -> bool:
        return name in self._open

    # Starting again

    def restore(self, entries: Iterable[Entry], now: float) -> None:
        """Take up the calls of an earlier run.

        A ringing call rings on, a flow goes on, a call that was one stream ends as completed, as the stream died
        with the process, and callbacks that nobody got are sent.
        """
        book = collect(entries)
        for refused in book.of("refused"):
            self._refusals[refused["from"]] += refused["fate"] is not None
        for entry in book.of("flow-vars"):
            self._player.book.variables.update(entry["variables"])
        for record in book.calls.values():
            self._remember(record, now)

    def _remember(self, record: CallRecord, now: float) -> None:
        entry = record.accepted
        order = Order(**entry["order"] | {"events": tuple(entry["order"]["events"])})
        call = self._add(record.sid, order, TABLE[entry["fate"]], entry["call"], entry["received_at"])
        if record.answered:
            call.answered_at = call.updated_at = record.answered["at"]
            call.status = "in-progress"
        if record.ended:
            call.status, call.ended_at = record.ended["status"], record.ended["at"]
            call.updated_at = record.ended["at"]
            self._open.discard(call.sid)
        self.streams.restore(call, record.streams, now)
        self._player.restore(call, record, now)
        self._telling.remember(call, record.callbacks, now)
        if call.open:
            self._go_on(call, record, now)

    def _go_on(self, call: Call, record: CallRecord, now: float) -> None:
        if call.answered_at is None:
            self._schedule(call, full=False, not_before=now)
        elif call.order.kind == "stream":
            # A socket that was never seen open: the person waits no longer.
            self._hang_up(call, now, "completed" if record.streams else "failed", "carrier")
        else:
            self._limit(call, now)
            if call.order.kind == "flow":
                self._player.go_on(call, record, now)
            else:
                self._talk(call, now)


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
