"""Plays flows: one applet after the other, from the answer to the end of the call."""

from collections.abc import Callable
from dataclasses import replace

from dialer.simulator import passthru
from dialer.simulator.callbacks import Posting
from dialer.simulator.calls import Call, Leg, Progress
from dialer.simulator.flows import (
    NAMES,
    Applet,
    Connect,
    Flow,
    Flowbook,
    FlowError,
    Gather,
    Greeting,
    Hangup,
    Listen,
    Passthru,
    Voicebot,
)
from dialer.simulator.ledger import CallRecord
from dialer.simulator.streams import Stream, Streams
from dialer.simulator.telling import Telling
from dialer.simulator.world import Ask, Step, World

End = Callable[[Call, float, str, str], None]

THINKING = 1.5  # carrier seconds between a menu's end and a key
MOST_APPLETS = 100  # a flow that runs in circles without taking time would never return


class Player:
    """The flows of one exchange; `end` hangs up a call: (call, at, status, by)."""

    def __init__(self, world: World, streams: Streams, telling: Telling, book: Flowbook, end: End) -> None:
        self._world, self._streams, self._telling, self.book, self._end = world, streams, telling, book, end

    def begin(self, call: Call, at: float) -> None:
        """The call of a flow was answered. A `Url` that is no flow of the account fails it, as was seen."""
        flow = self.book.find(call.order.url or "")
        if flow is None:
            self._fail(call, at, "no such flow")
            return
        call.flow = Progress(flow.app_id)
        self._world.plan(at, Step.APPLET, call, flow.start)

    def enter(self, call: Call, name: str, at: float) -> None:
        """The next applet; no name: the flow is over and hangs up."""
        flow, progress = self._flow(call), call.flow
        if call.second:
            call.second.finish(at)
        if flow is None or progress is None or progress.entered >= MOST_APPLETS:
            self._fail(call, at, "the flow runs in circles" if flow else "no such flow")
        elif not name:
            self._end(call, at, "completed", "carrier")
        else:
            before, applet = flow.applets.get(progress.applet), flow.applets[name]
            progress.listens = isinstance(before, Listen) and before.action == "start"
            progress.applet, progress.entered = name, progress.entered + 1
            kind = NAMES[type(applet)]
            self._world.write({"event": "applet", "at": at, "sid": call.sid, "name": name, "applet": kind})
            try:
                self._play(call, applet, at)
            except FlowError as error:
                self._fail(call, at, str(error))

    def _play(self, call: Call, applet: Applet, at: float) -> None:
        match applet:
            case Greeting():
                self._next(call, applet.next, at + self._world.wall(applet.seconds))
            case Gather():
                self._gather(call, applet, at)
            case Voicebot():
                self._voicebot(call, applet, at)
            case Listen():
                self._listen(call, applet, at)
            case Passthru():
                self._passthru(call, applet, at)
            case Connect():
                self._world.plan(at + self._world.wall(applet.rings), Step.LEG, call)
                call.second = Leg(applet.number)
                self._note_leg(call, "ringing", at)
            case Hangup():
                self._end(call, at, "completed", "carrier")

    def _gather(self, call: Call, applet: Gather, at: float) -> None:
        digits = call.fate.manner.presses[: applet.digits]
        if digits:
            self._world.plan(at + self._world.wall(applet.seconds + THINKING), Step.PRESS, call, digits)
        else:
            waited = at + self._world.wall(applet.seconds + applet.wait)
            self._next(call, applet.otherwise or applet.next, waited)

    def pressed(self, call: Call, digits: str, at: float) -> None:
        """The person answered the menu."""
        applet = self._applet(call)
        if call.flow is None or not isinstance(applet, Gather):
            return
        call.flow.digits = digits
        for digit in digits:
            self._world.write({"event": "dtmf", "at": at, "sid": call.sid, "digit": digit})
        self._next(call, (applet.keys or {}).get(digits) or applet.otherwise or applet.next, at)

    # Streams

    def _voicebot(self, call: Call, applet: Voicebot, at: float) -> None:
        address = self.book.stream_address(applet)
        if address.startswith(("http://", "https://")):
            request = passthru.dynamic(call, address, self._world.options, at)
            self._ask(call, "dynamic-url", request, sync=True)
        else:
            self._open(call, applet, address, at)

    def _listen(self, call: Call, applet: Listen, at: float) -> None:
        assert call.flow is not None  # noqa: S101 - only a flow has applets
        if applet.action == "stop":
            for stream in self._streams.of(call):
                self._streams.cut(stream, "carrier")
        elif (address := self.book.stream_address(applet)).startswith(("http://", "https://")):
            self._ask(call, "dynamic-url", passthru.dynamic(call, address, self._world.options, at), sync=False)
            call.flow.unaddressed += 1
        else:
            self._open(call, applet, address, at)
        # A stop is over when its streams have said so, and a Passthru right behind shall tell how they ended.
        if applet.action == "stop" and self._streaming(call):
            return
        self._next(call, applet.next, at)

    def _open(self, call: Call, applet: Voicebot | Listen, address: str, at: float) -> None:
        assert call.flow is not None  # noqa: S101 - only a flow has applets
        mark = {call.order.custom_field: ""} if call.order.custom_field else {}
        stream = self._streams.open(
            call,
            address,
            at,
            applet=call.flow.applet,
            one_way=isinstance(applet, Listen),
            record=applet.record,
            extra=mark,
        )
        if not stream.live:
            self.stream_over(call, stream, at)

    def stream_over(self, call: Call, stream: Stream, at: float) -> None:
        """A stream of a flow has ended or never stood; what that means for the flow."""
        applet = self._applet(call)
        if applet is None:
            return
        if stream.one_way:
            self._listened(call, applet, at)
        elif isinstance(applet, Voicebot) and call.open and stream.by != "person":
            self._next(call, applet.next, at)
        elif isinstance(applet, Voicebot):
            if call.open:
                self._end(call, at, "completed", stream.by)
            self._farewell(call, applet.next, at)

    def _listened(self, call: Call, applet: Applet, at: float) -> None:
        if self._streaming(call):
            return
        if isinstance(applet, Listen) and applet.action == "stop" and call.open:
            self._next(call, applet.next, at)
        elif isinstance(applet, Passthru) and call.flow and call.flow.waiting:
            call.flow.waiting = False
            self._tell(call, applet, at, sync=call.open and not applet.asynchronous)
            if call.open and applet.asynchronous:
                self._next(call, applet.next, at)

    def _farewell(self, call: Call, name: str, at: float) -> None:
        """The person is gone; a Passthru right behind the bot still learns how its stream ended."""
        flow = self._flow(call)
        applet = flow.applets.get(name) if flow else None
        if call.flow and isinstance(applet, Passthru):
            call.flow.applet = name
            self._world.write({"event": "applet", "at": at, "sid": call.sid, "name": name, "applet": "Passthru"})
            self._tell(call, applet, at, sync=False)

    # Requests

    def _passthru(self, call: Call, applet: Passthru, at: float) -> None:
        assert call.flow is not None  # noqa: S101 - only a flow has applets
        if call.flow.listens and self._streaming(call):
            # The guide: the request is sent when the stream ends. Until then the person talks, and then leaves.
            call.flow.waiting = True
            talks = self._world.chance(f"greeting:{call.order.customer}", call.ordinal).uniform(4.0, 9.0)
            self._world.plan(at + self._world.wall(talks), Step.LEAVE, call)
            return
        self._tell(call, applet, at, sync=not applet.asynchronous)
        if applet.asynchronous and call.open:
            self._next(call, applet.next, at)

    def _tell(self, call: Call, applet: Passthru, at: float, *, sync: bool) -> None:
        streams = self._streams.of(call)
        try:
            filled = replace(applet, url=self.book.fill(applet.url))
        except FlowError as error:
            self._fail(call, at, str(error))
            return
        request = passthru.posting(call, filled, streams[-1] if streams else None, self._world.options, at)
        self._ask(call, "passthru", request, sync=sync)

    def _ask(self, call: Call, kind: str, request: Posting, *, sync: bool) -> None:
        assert call.flow is not None  # noqa: S101 - only a flow has applets
        self._world.effects.append(Ask(call.sid, call.flow.applet, kind, request, sync))

    def asked(self, ask: Ask, status: int | None, body: bytes, now: float) -> None:
        """What the product answered: the HTTP status, None for none in time."""
        call, flow = self._world.calls[ask.sid], self._flow(self._world.calls[ask.sid])
        applet = flow.applets.get(ask.applet) if flow else None
        if isinstance(applet, Passthru):
            self._told(call, applet, ask, status, now)
        elif isinstance(applet, Voicebot | Listen):
            found = _address(status, body)
            self._world.write(_asked(ask, status, now) | found)
            self._addressed(call, applet, found, now)

    def _told(self, call: Call, applet: Passthru, ask: Ask, status: int | None, now: float) -> None:
        branches = {200: applet.on_200 or applet.next, 302: applet.on_302}
        branch = branches.get(status or 0, applet.otherwise) if ask.sync and call.open else None
        self._world.write(_asked(ask, status, now) | {"sync": ask.sync, "next": branch})
        if branch is not None:
            self._next(call, branch, now)

    def _addressed(self, call: Call, applet: Voicebot | Listen, found: dict[str, str], now: float) -> None:
        assert call.flow is not None  # noqa: S101 - only a flow has applets
        if isinstance(applet, Listen):
            call.flow.unaddressed -= 1
        if "answer" in found and call.open:
            self._open(call, applet, found["answer"], now)
        elif "error" in found:
            one_way = isinstance(applet, Listen)
            stream = self._streams.never(call, found["error"], now, applet=call.flow.applet, one_way=one_way)
            self.stream_over(call, stream, now)

    # The second leg

    def leg(self, call: Call, at: float) -> None:
        """The human picks up, or does not."""
        applet, leg = self._applet(call), call.second
        if not isinstance(applet, Connect) or leg is None:
            return
        if applet.outcome == "answers":
            leg.status, leg.answered_at = "in-progress", at
            self._note_leg(call, "answered", at)
            self._telling.tell(call, "answered", at, leg=2)
            self._next(call, applet.next, at + self._world.wall(applet.talks))
        else:
            leg.status = applet.outcome
            self._note_leg(call, applet.outcome, at)
            self._next(call, applet.otherwise or applet.next, at)

    def _note_leg(self, call: Call, state: str, at: float) -> None:
        assert call.second is not None  # noqa: S101 - both callers have just seen it
        entry = {"event": "leg", "at": at, "sid": call.sid, "number": call.second.number, "state": state}
        self._world.write(entry)

    # Starting again

    def restore(self, call: Call, record: CallRecord, now: float) -> None:
        """How far the flow was, by the ledger; a last Passthru that was never answered for is sent again."""
        flow = self._flow(call)
        if flow is None or not record.answered:
            return
        call.flow = Progress(flow.app_id, entered=len(record.applets))
        call.flow.applet = record.applets[-1]["name"] if record.applets else ""
        call.flow.digits = "".join(entry["digit"] for entry in record.dtmf) if not record.streams else ""
        for entry in record.legs:
            call.second = Leg(entry["number"], status="" if entry["state"] == "ringing" else entry["state"])
            if entry["state"] == "answered":
                call.second.status, call.second.answered_at = "in-progress", entry["at"]
        if call.second and record.ended:
            call.second.finish(record.ended["at"])
        applet = self._applet(call)
        if record.ended and isinstance(applet, Passthru):
            since = record.applets[-1]["at"]
            if not any(entry["at"] >= since for entry in record.passthrus):
                self._tell(call, applet, now, sync=False)

    def go_on(self, call: Call, record: CallRecord, now: float) -> None:
        """Take up an open call where its flow stood; what ran at that moment begins again, a stream is over."""
        applet = self._applet(call)
        if call.flow is None or applet is None or not call.flow.applet:
            self.begin(call, now)
            return
        since = record.applets[-1]["at"]
        answered = [entry for entry in record.asked if entry["at"] >= since and entry.get("next") is not None]
        if isinstance(applet, Voicebot) and any(entry["at"] >= since for entry in record.streams):
            self._next(call, applet.next, now)
        elif isinstance(applet, Passthru) and answered:
            self._next(call, answered[-1]["next"], now)
        else:
            self._next(call, call.flow.applet, now)

    # Small things

    def _streaming(self, call: Call) -> bool:
        """Does a stream of the call stand, or has it yet to get its address?"""
        waiting = call.flow is not None and call.flow.unaddressed > 0
        return waiting or any(stream.live for stream in self._streams.of(call))

    def _flow(self, call: Call) -> Flow | None:
        return self.book.find(call.order.url or "")

    def _applet(self, call: Call) -> Applet | None:
        flow = self._flow(call)
        return flow.applets.get(call.flow.applet) if flow and call.flow else None

    def _next(self, call: Call, name: str, at: float) -> None:
        self._world.plan(at, Step.APPLET, call, name)

    def _fail(self, call: Call, at: float, reason: str) -> None:
        self._world.write({"event": "flow", "at": at, "sid": call.sid, "url": call.order.url, "error": reason})
        if call.open:
            self._end(call, at, "failed", "carrier")


def _address(status: int | None, body: bytes) -> dict[str, str]:
    try:
        return {"answer": passthru.stream_address(status, body)}
    except ValueError as error:
        return {"error": str(error)}


def _asked(ask: Ask, status: int | None, now: float) -> dict[str, object]:
    return {
        "event": ask.kind,
        "at": now,
        "sid": ask.sid,
        "applet": ask.applet,
        "method": ask.posting.method,
        "url": ask.posting.url,
        "status": status,
    }
