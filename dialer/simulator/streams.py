"""The media streams of an exchange: which stand, how many may, how each ended (fact sheet, sections 3 to 5)."""

from collections.abc import Iterable
from dataclasses import dataclass, field
from urllib.parse import parse_qsl, urlsplit, urlunsplit

from dialer.simulator.calls import Call
from dialer.simulator.frames import sample_rate
from dialer.simulator.identity import guide_sid, sid
from dialer.simulator.ledger import Entry
from dialer.simulator.world import CutStream, OpenStream, Step, World

MOST_PARAMETERS, MOST_CHARACTERS = 3, 256
THROTTLED = "Streaming_call_throttled"
CLEAN_CODES = {1000, 1001, 1005}  # a far side that closes with another one has failed
LOST = "the simulator was started again"


@dataclass
class Stream:
    """One stream. Times are epoch seconds; `by` is bot, person or carrier, once it is over."""

    sid: str
    call_sid: str
    url: str  # as configured, query and credentials included
    applet: str = ""  # of the flow; none in a call that was made with StreamUrl
    one_way: bool = False
    record: bool = False
    extra: dict[str, str] = field(default_factory=dict)  # custom parameters that count against no limit
    state: str = "opening"  # opening, open, closed, failed
    opened_at: float | None = None
    closed_at: float | None = None
    by: str = ""
    error: str = ""

    @property
    def live(self) -> bool:
        return self.state in {"opening", "open"}

    @property
    def handshake_url(self) -> str:
        """Where the socket is opened: the query is stripped, credentials are still in it."""
        return urlunsplit(urlsplit(self.url)._replace(query="", fragment=""))

    @property
    def public_url(self) -> str:
        """The address without credentials, as Passthru tells it."""
        parts = urlsplit(self.url)
        return urlunsplit(parts._replace(netloc=parts.netloc.rpartition("@")[2]))

    @property
    def parameters(self) -> dict[str, str]:
        """What of the query arrives in `start.custom_parameters`."""
        return within_limits(query_of(self.url)) | self.extra

    @property
    def rate(self) -> int:
        return sample_rate(query_of(self.url))


def query_of(url: str) -> dict[str, str]:
    return dict(parse_qsl(urlsplit(url).query, keep_blank_values=True))


def within_limits(pairs: dict[str, str]) -> dict[str, str]:
    """At most three pairs of at most 256 characters; the rest is dropped. `sample-rate` is not counted.

    The limits are the guide's; that what is above them is dropped is this simulator's choice.
    """
    kept: dict[str, str] = {}
    room, places = MOST_CHARACTERS, MOST_PARAMETERS
    for name, value in pairs.items():
        if name == "sample-rate":
            kept[name] = value
        elif places and len(name) + len(value) <= room:
            kept[name] = value
            room, places = room - len(name) - len(value), places - 1
    return kept


class Streams:
    """All streams by their sid."""

    def __init__(self, world: World) -> None:
        self._world = world
        self.known: dict[str, Stream] = {}
        self._live: set[str] = set()

    @property
    def active(self) -> int:
        """Streams whose socket stands: what ActiveStreams counts."""
        return sum(self.known[name].state == "open" for name in self._live)

    def of(self, call: Call) -> list[Stream]:
        """The streams of one call in the order they were opened."""
        return [self.known[name] for name in call.stream_sids]

    def open(self, call: Call, stream_url: str, at: float, **more: object) -> Stream:
        """Dial a far side, unless the account has as many streams as it may: then it has failed already."""
        stream = self._add(Stream(self._name(call, at), call.sid, stream_url, **more))  # type: ignore[arg-type]
        if len(self._live) >= self._world.options.streams:
            self.failed(stream, THROTTLED, at)
        else:
            self._live.add(stream.sid)
            self._world.effects.append(OpenStream(call.sid, stream.sid))
        return stream

    def never(self, call: Call, error: str, at: float, **more: object) -> Stream:
        """A stream that never got an address."""
        stream = self._add(Stream(self._name(call, at), call.sid, "", **more))  # type: ignore[arg-type]
        self.failed(stream, error, at)
        return stream

    def _add(self, stream: Stream) -> Stream:
        self.known[stream.sid] = stream
        self._world.calls[stream.call_sid].stream_sids.append(stream.sid)
        return stream

    def _name(self, call: Call, at: float) -> str:
        name = f"stream:{call.sid}:{len(call.stream_sids)}"
        return guide_sid("MZ", name) if self._world.options.guide else sid(name, at)

    def opened(self, stream: Stream, now: float) -> None:
        """The far side's socket stands."""
        stream.state, stream.opened_at = "open", now
        call = self._world.calls[stream.call_sid]
        entry = self._entry(stream, now) | {"state": "opened"}
        if stream.applet:
            entry |= {"applet": stream.applet, "one_way": stream.one_way, "record": stream.record, "url": stream.url}
        dropped = query_of(stream.url).keys() - stream.parameters.keys()
        self._world.write(entry | ({"dropped": sorted(dropped)} if dropped else {}))
        self._world.plan(now + self._world.wall(self._world.options.stream_cap), Step.CUT, call, stream.sid)

    def failed(self, stream: Stream, error: str, now: float) -> None:
        """The far side's socket never stood."""
        self._live.discard(stream.sid)
        stream.state, stream.closed_at, stream.by, stream.error = "failed", now, "carrier", error
        applet = {"applet": stream.applet, "url": stream.url} if stream.applet else {}
        self._world.write(self._entry(stream, now) | {"state": "failed", "error": error} | applet)

    def closed(self, stream: Stream, by: str, counts: dict[str, int], code: int | None, now: float) -> None:
        """The stream is over, by bot, person or carrier; `code` is the WebSocket close code, if there was one."""
        self._live.discard(stream.sid)
        stream.state, stream.closed_at, stream.by = "closed", now, by
        if code is not None and code not in CLEAN_CODES:
            stream.error = f"{code} websocket closed abnormally"
        entry = self._entry(stream, now) | {"state": "closed", "by": by, "code": code, "error": stream.error}
        self._world.write(entry | counts)

    def cut(self, stream: Stream, by: str) -> None:
        """Let whoever holds the socket end it, then tell `closed`."""
        if stream.live:
            self._world.effects.append(CutStream(stream.call_sid, stream.sid, by))

    def restore(self, call: Call, past: Iterable[Entry], now: float) -> None:
        """Take up what the ledger says of a call's streams; one that stood has died with the process."""
        for entry in past:
            stream = self.known.get(entry.get("stream_sid", "")) or self._add(_read(call, entry))
            if entry["state"] == "opened":
                stream.state, stream.opened_at = "open", entry["at"]
            else:
                stream.state, stream.closed_at = entry["state"], entry["at"]
                stream.by, stream.error = entry.get("by", "carrier"), entry.get("error", "")
        for stream in self.of(call):
            if stream.live:
                stream.error = LOST
                self.closed(stream, "carrier", {}, None, now)

    def _entry(self, stream: Stream, now: float) -> Entry:
        return {"event": "stream", "at": now, "sid": stream.call_sid, "stream_sid": stream.sid}


def _read(call: Call, entry: Entry) -> Stream:
    return Stream(
        sid=entry.get("stream_sid", f"stream:{call.sid}"),
        call_sid=call.sid,
        url=entry.get("url", call.order.stream_url or ""),
        applet=entry.get("applet", ""),
        one_way=entry.get("one_way", False),
        record=entry.get("record", False),
    )
