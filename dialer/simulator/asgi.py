"""The simulator as an ASGI application: HTTP in, effects of the exchange out. I/O only."""

import asyncio
import contextlib
import time
from collections.abc import Awaitable, Callable, Coroutine, MutableMapping
from pathlib import Path
from typing import Any

from dialer.simulator.delivery import Courier
from dialer.simulator.exchange import Exchange
from dialer.simulator.fates import Answer
from dialer.simulator.flows import Flowbook, parse
from dialer.simulator.ledger import LedgerFile, entries
from dialer.simulator.options import Options
from dialer.simulator.person import Person
from dialer.simulator.rest import Face, Reply, Request
from dialer.simulator.wire import Wires
from dialer.simulator.world import Ask, CutStream, Deliver, Effect, OpenStream

Scope = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[MutableMapping[str, Any]]]
Send = Callable[[MutableMapping[str, Any]], Awaitable[None]]

LARGEST_BODY = 1024 * 1024
DRIP = 15.0  # wall seconds: the client's patience does not run faster because the carrier does
TOLD_WITHIN = 8.0
LOOK_EVERY = 0.5
TICK, STALLED = 0.02, 0.02  # seconds between two looks at how late they come, and how late is worth telling


class Application:
    """One simulator: an exchange, its ledger, its face and whatever it has under way."""

    def __init__(self, options: Options) -> None:
        past = list(entries(options.ledger))
        self.wires = Wires()
        self._ledger = LedgerFile(options.ledger)
        self._tells_stalls = options.stalls
        self.exchange = Exchange(options, self._ledger.write, flowbook(options))
        self._face = Face(self.exchange, self._ledger.write)
        self._people: dict[str, Person] = {}
        self._tasks: set[asyncio.Task[None]] = set()
        self._news = asyncio.Event()
        self._ledger.write({"event": "started", "at": time.time(), "speed": options.speed, "seed": options.seed})
        self.exchange.restore(past, time.time())

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "lifespan":
            await self._live(receive, send)
        elif scope["type"] == "http":
            await self._serve(scope, receive, send)

    async def _live(self, receive: Receive, send: Send) -> None:
        await receive()
        self._courier = Courier(self.exchange)
        clock = asyncio.create_task(self._run())
        if self._tells_stalls:
            self._start(self._watch_itself())
        await send({"type": "lifespan.startup.complete"})
        await receive()
        clock.cancel()
        for task in list(self._tasks):
            task.cancel()
        await asyncio.gather(clock, *self._tasks, return_exceptions=True)
        self._ledger.close()
        await send({"type": "lifespan.shutdown.complete"})

    # Time

    async def _run(self) -> None:
        """Carry out what is due, then sleep until the next appointment or until something new happened."""
        while True:
            for effect in self.exchange.due(time.time()):
                self._carry_out(effect)
            next_at = self.exchange.next_at()
            pause = LOOK_EVERY if next_at is None else min(next_at - time.time(), LOOK_EVERY)
            self._news.clear()
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(max(pause, 0.0)):
                    await self._news.wait()

    async def _watch_itself(self) -> None:
        """Write down when everything here was late by STALLED or more: times in the ledger say less of such a while."""
        while True:
            due = time.time() + TICK
            await asyncio.sleep(TICK)
            now = time.time()
            if now - due >= STALLED:
                self._ledger.write({"event": "stalled", "at": now, "seconds": round(now - due, 3)})

    def _carry_out(self, effect: Effect) -> None:
        if isinstance(effect, Deliver):
            self._start(self._courier.deliver(effect.delivery))
        elif isinstance(effect, OpenStream):
            self._start(self._talk(effect))
        elif isinstance(effect, Ask):
            self._start(self._courier.ask(effect))
        elif isinstance(effect, CutStream) and effect.stream_sid in self._people:
            self._people[effect.stream_sid].cut(effect.by)

    async def _talk(self, what: OpenStream) -> None:
        stream = self.exchange.streams.known[what.stream_sid]
        self._people[stream.sid] = Person(self.exchange, self.exchange.calls[what.sid], stream)
        try:
            await self._people[stream.sid].talk()
        finally:
            del self._people[stream.sid]

    def _start(self, work: Coroutine[Any, Any, None]) -> None:
        task = asyncio.create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._finished)

    def _finished(self, task: asyncio.Task[None]) -> None:
        self._tasks.discard(task)
        self._news.set()
        if not task.cancelled() and task.exception():
            task.get_loop().call_exception_handler({"message": "simulator", "exception": task.exception()})

    # HTTP

    async def _serve(self, scope: Scope, receive: Receive, send: Send) -> None:
        body = await _body(receive)
        if len(body) > LARGEST_BODY:
            await _send(send, Reply(413, b"", "text/plain"))
            return
        headers = {name.decode("latin-1"): value.decode("latin-1") for name, value in scope["headers"]}
        query = scope["query_string"].decode("latin-1")
        request = Request(scope["method"], scope["path"], query, headers, body)
        reply = self._face.handle(request, time.time())
        self._news.set()
        await asyncio.sleep(reply.delay)
        await self._told(reply)
        await self._reply(reply, tuple(scope["client"]), send)

    async def _told(self, reply: Reply) -> None:
        """Wait until the call's end was told, so that the callback is there before the answer."""
        until = time.monotonic() + TOLD_WITHIN
        while reply.wait_for and "terminal" not in reply.wait_for.told and time.monotonic() < until:  # noqa: ASYNC110
            await asyncio.sleep(0.01)  # one rare fate is not worth an event per call

    async def _reply(self, reply: Reply, client: tuple[str, int], send: Send) -> None:
        if reply.answer is Answer.RESET:
            self.wires.reset(client)
            await asyncio.sleep(0)
        elif reply.answer is Answer.CLOSED:
            self.wires.close(client)
            await asyncio.sleep(0)
        elif reply.answer is Answer.CUT:
            await _head(send, reply)
            half = reply.body[: len(reply.body) // 2]
            await send({"type": "http.response.body", "body": half, "more_body": True})
            self.wires.hang_up(client)
        elif reply.answer is Answer.DRIPPED:
            await _drip(send, reply)
        else:
            await _send(send, reply)


def flowbook(options: Options) -> Flowbook:
    """The flows of an account: from its file, else the built-in ones. FlowError or OSError if they can't be read."""
    path = options.flows or Path(__file__).with_name("flows.json")
    return Flowbook(parse(path.read_text(encoding="utf-8")), options.variables, options.account_sid)


async def _body(receive: Receive) -> bytes:
    body = b""
    while True:
        message = await receive()
        body += bytes(message.get("body", b""))
        if not message.get("more_body") or len(body) > LARGEST_BODY:
            return body


async def _head(send: Send, reply: Reply) -> None:
    pairs = [("content-type", reply.content_type), ("content-length", str(len(reply.body))), *reply.headers]
    headers = [(name.encode("latin-1"), value.encode("latin-1")) for name, value in pairs]
    await send({"type": "http.response.start", "status": reply.status, "headers": headers})


async def _send(send: Send, reply: Reply) -> None:
    await _head(send, reply)
    await send({"type": "http.response.body", "body": reply.body})


async def _drip(send: Send, reply: Reply) -> None:
    """A byte now and then: no read of the client times out, only its patience as a whole."""
    await _head(send, reply)
    drops, pause = 30, DRIP / 30
    for place in range(drops):
        await send({"type": "http.response.body", "body": reply.body[place : place + 1], "more_body": True})
        await asyncio.sleep(pause)
    await send({"type": "http.response.body", "body": reply.body[drops:]})
