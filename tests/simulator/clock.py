"""An exchange with a clock in hand: nothing but arithmetic."""

from dataclasses import dataclass, field, replace

from dialer.simulator.asgi import flowbook
from dialer.simulator.callbacks import Delivery
from dialer.simulator.calls import Call
from dialer.simulator.exchange import Exchange, Placed
from dialer.simulator.ledger import Entry, Ledger, collect
from dialer.simulator.options import Options
from dialer.simulator.orders import read_order
from dialer.simulator.world import Ask, CutStream, Deliver, Effect, OpenStream

START = 1_800_000_000.0


@dataclass
class Clock:
    """Runs an exchange through its appointments; callbacks are answered with `callback_status`."""

    options: Options = field(default_factory=Options)
    callback_status: int | None = 200
    now: float = START
    entries: list[Entry] = field(default_factory=list)
    delivered: list[tuple[float, Delivery]] = field(default_factory=list)
    streams: list[str] = field(default_factory=list)
    asked: list[Ask] = field(default_factory=list)
    answers: list[tuple[int | None, bytes]] = field(default_factory=list)  # to requests of flows, one by one

    def __post_init__(self) -> None:
        self.exchange = Exchange(self.options, self.entries.append, flowbook(self.options))

    def connect(self, number: str, **form: str) -> Call:
        taken = self.take(number, **form)
        assert isinstance(taken, Placed)
        return taken.call

    def take(self, number: str, **form: str) -> object:
        pairs = {
            "From": number,
            "CallerId": "08047491899",
            "StreamUrl": "wss://bot.example/ws/t/",
            "StreamType": "bidirectional",
            "StatusCallback": "https://d.example/cb/",
            "StatusCallbackEvents[0]": "answered",
            "StatusCallbackEvents[1]": "terminal",
        } | form
        if pairs.get("Url"):
            pairs = {name: value for name, value in pairs.items() if name not in {"StreamUrl", "StreamType"}}
        order = read_order(list(pairs.items()), self.options)
        return self.exchange.connect(order, self.now)

    def run(self, seconds: float) -> None:
        """Let that many wall seconds pass, appointment by appointment."""
        end = self.now + seconds
        while (next_at := self.exchange.next_at()) is not None and next_at <= end:
            self.now = max(self.now, next_at)
            for effect in self.exchange.due(self.now):
                self._carry_out(effect)
        self.now = end

    def _carry_out(self, effect: Effect) -> None:
        if isinstance(effect, Deliver):
            self.delivered.append((self.now, effect.delivery))
            self.exchange.delivered(effect.delivery, self.callback_status, self.now)
        elif isinstance(effect, OpenStream):
            self.streams.append(effect.sid)
            self.exchange.stream_opened(effect.stream_sid, self.now)
        elif isinstance(effect, CutStream):
            self.exchange.stream_closed(effect.stream_sid, effect.by, {}, self.now)
        elif isinstance(effect, Ask):
            self.asked.append(effect)
            status, body = self.answers.pop(0) if self.answers else (200, b"")
            self.exchange.asked(effect, status, body, self.now)

    def told(self) -> list[str]:
        return [delivery.event for _, delivery in self.delivered]

    def ledger(self) -> Ledger:
        return collect(self.entries)

    def restarted(self) -> "Clock":
        """The same world after kill -9: only the ledger is left."""
        later = replace(self, entries=list(self.entries), delivered=[], streams=[], asked=[])
        later.exchange.restore(list(later.entries), later.now)
        return later
