"""A call's media socket: the carrier is the WebSocket client, the bot the server. I/O only."""

import asyncio
import json
import time
from dataclasses import replace

from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import ConnectionClosed, WebSocketException

from dialer.simulator.calls import Call
from dialer.simulator.conversation import Conversation, Echo, HangUp, Press
from dialer.simulator.exchange import Exchange
from dialer.simulator.frames import Frames, cadence, silence, voice
from dialer.simulator.identity import leg_sid
from dialer.simulator.streams import Stream

HANDSHAKE = 10.0  # wall seconds
LARGEST_MESSAGE = 4 * 1024 * 1024
# Who only listens hears no quiet bot and presses no key into it.
ONLOOKER = {"presses": "", "hangs_up_after": None, "patience": None, "longest": None}


class Person:
    """One stream, from the handshake to the drop."""

    def __init__(self, exchange: Exchange, call: Call, stream: Stream) -> None:
        options = exchange.options
        self._exchange, self._call, self._stream, self._speed = exchange, call, stream, options.speed
        self._rate = stream.rate
        self._cadence = cadence(self._rate, options.frame, options.speed)
        self._frames = Frames(
            call,
            options.account_sid,
            stream.sid,
            leg_sid(call.sid),
            guide=options.guide,
            integers=options.integers,
            unusual=options.unusual,
        )
        manner = call.fate.manner
        self._manner = replace(manner, **ONLOOKER) if stream.one_way else manner  # type: ignore[arg-type]
        self._conversation = Conversation(self._manner, self._rate, options.speed)
        self._began = 0.0
        self._wake = asyncio.Event()
        self._cut_by: str | None = None
        self._code: int | None = None

    def cut(self, by: str) -> None:
        """The call is over: say stop and drop the socket."""
        self._cut_by = by
        self._wake.set()

    async def talk(self) -> None:
        """Dial the bot and hold the conversation; the exchange is told how it went."""
        try:
            socket = await self._dial()
        except (OSError, ValueError, WebSocketException) as error:
            message = f"3009 failed to establish ws conn {type(error).__name__}: {error}"
            self._exchange.stream_failed(self._stream.sid, message, time.time())
            return
        self._began = time.monotonic()
        self._exchange.stream_opened(self._stream.sid, time.time())
        if not self._exchange.is_open(self._call.sid):
            self.cut("carrier")
        reader = asyncio.create_task(self._listen(socket))
        by = "carrier"
        try:
            by = await self._speak(socket, reader)
        except ConnectionClosed:
            by = "bot"
        finally:
            reader.cancel()
            socket.transport.close()  # no close frame: the far side sees 1006
            totals = self._conversation.totals()
            code = socket.close_code if by == "bot" else self._code
            self._exchange.stream_closed(self._stream.sid, by, totals, time.time(), code=code)

    async def _dial(self) -> ClientConnection:
        return await connect(
            self._stream.handshake_url,
            user_agent_header="Go-http-client/1.1",
            compression=None,
            proxy=None,
            ping_interval=None,
            open_timeout=HANDSHAKE,
            max_size=LARGEST_MESSAGE,
            max_queue=64,
        )

    async def _listen(self, socket: ClientConnection) -> None:
        """What the far side says; in a one-way stream it is not heard."""
        try:
            async for text in socket:
                self._hear(text)
        except ConnectionClosed:
            return  # dropped by the bot: `_speak` sees that nobody listens any more
        finally:
            self._wake.set()

    def _hear(self, text: str | bytes) -> None:
        try:
            message = json.loads(text)
        except ValueError:
            message = None
        if self._stream.one_way:
            self._conversation.counts.unreadable += 1
            return
        self._conversation.heard(message, self._now())
        if isinstance(message, dict) and message.get("event") != "media":
            self._wake.set()  # a mark on silence and a clear are answered at once

    async def _speak(self, socket: ClientConnection, reader: "asyncio.Task[None]") -> str:
        """Send what is due until somebody ends it; who: bot, person or carrier."""
        mute = self._manner.start_never_comes
        if not mute:
            await socket.send(self._frames.connected())
            await socket.send(self._frames.start(self._stream.parameters, self._rate))
        frame_at = self._cadence.wall
        while not reader.done():
            if self._cut_by is not None:
                await socket.send(self._frames.stop(call_ended=not self._exchange.is_open(self._call.sid)))
                return self._cut_by
            if await self._act(socket):
                return "person" if self._manner.stream_drops_after is None else "carrier"
            if self._elapsed() >= frame_at:
                frame_at = await self._frame(socket, frame_at, mute=mute)
            await self._rest(frame_at)
        return "bot"

    async def _act(self, socket: ClientConnection) -> bool:
        """Do what is due; True when the call is over."""
        for deed in self._conversation.due(self._now()):
            if isinstance(deed, Echo):
                await socket.send(self._frames.mark(deed.name))
            elif isinstance(deed, Press):
                self._exchange.pressed(self._call.sid, deed.digit, time.time())
                await socket.send(self._frames.dtmf(deed.digit))
            elif isinstance(deed, HangUp):
                if deed.code:
                    self._code = deed.code
                    await socket.close(deed.code)
                elif deed.abrupt:
                    self._code = 1006
                    socket.transport.abort()
                else:
                    await socket.send(self._frames.stop())
                return True
        return False

    async def _frame(self, socket: ClientConnection, due_at: float, *, mute: bool) -> float:
        """Send the frame that is due; when the next one is. After a stall of a second frames are left out."""
        carrier = due_at * self._speed
        if not mute:
            size = self._cadence.size
            talking = self._conversation.speaking(carrier)
            payload = voice(size, self._rate) if talking else silence(size)
            await socket.send(self._frames.media(payload, carrier * 1000))
        following = due_at + self._cadence.wall
        return following if self._elapsed() - following < 1.0 else self._elapsed()

    async def _rest(self, frame_at: float) -> None:
        mark = self._conversation.next_mark_at()
        until = frame_at if mark is None else min(frame_at, mark / self._speed)
        pause = until - self._elapsed()
        if pause <= 0:
            await asyncio.sleep(0)
            return
        try:
            async with asyncio.timeout(pause):
                await self._wake.wait()
        except TimeoutError:
            return
        self._wake.clear()

    def _elapsed(self) -> float:
        return time.monotonic() - self._began

    def _now(self) -> float:
        return self._elapsed() * self._speed
