"""Telling the status callbacks: when, how often, and what numbers are fated to have done to them."""

from dialer.simulator import callbacks
from dialer.simulator.callbacks import Delivery, Posting
from dialer.simulator.calls import Call
from dialer.simulator.fates import Callbacks
from dialer.simulator.ledger import Entry
from dialer.simulator.world import Deliver, Step, World


class Telling:
    """The callbacks of one exchange."""

    def __init__(self, world: World) -> None:
        self._world = world

    def tell(self, call: Call, event: str, at: float, *, leg: int = 1) -> None:
        """Plan the callback of an event, the way the number is fated to have it told."""
        if event not in callbacks.events_of(call, self._world.options):
            return
        trouble = call.fate.callbacks
        if trouble is Callbacks.REVERSED and event == "answered" and call.open:
            return  # told after the end
        late = self._world.wall(callbacks.LATE) if trouble is Callbacks.LATE else 0.0
        self._plan(at + late, call, Delivery(call.sid, event, leg=leg))
        if trouble is Callbacks.DOUBLED:
            self._plan(at + late, call, Delivery(call.sid, event, copy=2, leg=leg))
        if trouble is Callbacks.REVERSED and event == "terminal" and call.answered_at:
            self._tell_after(call, at + max(self._world.wall(2.0), 0.2))

    def _tell_after(self, call: Call, at: float) -> None:
        if "answered" in callbacks.events_of(call, self._world.options):
            self._plan(at, call, Delivery(call.sid, "answered"))

    def send(self, delivery: Delivery, at: float) -> None:
        """It is time: hand it out, or lose it."""
        call = self._world.calls[delivery.sid]
        if call.fate.callbacks is not Callbacks.LOST:
            self._world.effects.append(Deliver(delivery))
            return
        self._world.write(_callback(delivery, at, None) | {"lost": True})
        call.told.add(delivery.event)

    def posting(self, delivery: Delivery, now: float) -> Posting:
        """The request that tells this event."""
        return callbacks.posting(self._world.calls[delivery.sid], delivery, self._world.options, now)

    def delivered(self, delivery: Delivery, status: int | None, now: float) -> None:
        """What came of a callback: the HTTP status, None for none. Plans the next try after a failure."""
        self._world.write(_callback(delivery, now, status))
        call = self._world.calls[delivery.sid]
        if status is not None and 200 <= status < 300:
            call.told.add(delivery.event)
        elif delivery.attempt <= len(callbacks.RETRY_AFTER):
            wait = self._world.wall(callbacks.RETRY_AFTER[delivery.attempt - 1])
            again = Delivery(delivery.sid, delivery.event, delivery.attempt + 1, delivery.copy, delivery.leg)
            self._plan(now + wait, call, again)
        else:
            call.told.add(delivery.event)

    def remember(self, call: Call, past: list[Entry], now: float) -> None:
        """Take up the deliveries of an earlier run from its ledger entries."""
        happened = {"answered": call.answered_at, "terminal": call.ended_at}
        for event in callbacks.events_of(call, self._world.options):
            tries = [entry for entry in past if entry["kind"] == event and entry["copy"] == 1 and "leg" not in entry]
            settled = any(entry.get("lost") or 200 <= (entry["status"] or 0) < 300 for entry in tries)
            if settled or len(tries) > len(callbacks.RETRY_AFTER):
                call.told.add(event)
            elif happened.get(event) is not None:
                self._plan(now, call, Delivery(call.sid, event, len(tries) + 1))

    def _plan(self, at: float, call: Call, delivery: Delivery) -> None:
        self._world.plan(at, Step.DELIVER, call, delivery)


def _callback(delivery: Delivery, now: float, status: int | None) -> Entry:
    entry: Entry = {
        "event": "callback",
        "at": now,
        "sid": delivery.sid,
        "kind": delivery.event,
        "attempt": delivery.attempt,
        "copy": delivery.copy,
        "status": status,
    }
    return entry | ({"leg": delivery.leg} if delivery.leg > 1 else {})
