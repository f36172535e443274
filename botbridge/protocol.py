"""AgentStream without I/O: text frames in, frozen events out; frozen commands in, text frames out.

Exotel is the WebSocket client, we are the server. Reading is lenient (snake_case and camelCase keys, numbers as
strings, unknown keys and events skipped), because the vendor's own pages and captured calls disagree with each
other; writing is the one spelling that every working client uses. Whatever a peer sends, `decode` returns an
event or None, or raises ProtocolError: never another exception.

Reference: developer.exotel.com/docs/agentstream/developer-guide, and the calls captured from the wire, which
differ from it in `encoding` ("base64"), `bit_rate`, identifiers, and stop reasons.
"""

from __future__ import annotations

import base64
import binascii
import json
import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, Final, Literal

SAMPLE_RATES: Final = (8000, 16000, 24000)
"""Hz; what the vendor documents for `?sample-rate=`. Audio is 16-bit signed little-endian mono both ways."""

KEYS: Final = frozenset("0123456789*#ABCD")

TEXT_LIMIT: Final = 512
WORD_LIMIT: Final = 64
PARAMETERS_LIMIT: Final = 16


class ProtocolError(ValueError):
    """A frame that cannot be used. `problem` is a short name for counting; it never quotes the frame."""

    def __init__(self, problem: str) -> None:
        super().__init__(problem)
        self.problem = problem


# --- events: what Exotel says -------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Connected:
    """The socket stands; the call's particulars follow in Start."""


@dataclass(frozen=True, slots=True)
class Start:
    """Which call this is. Missing identifiers are empty, a missing or undocumented sample rate is 0."""

    stream_sid: str
    call_sid: str = ""
    account_sid: str = ""
    caller: str = ""
    called: str = ""
    encoding: str = ""
    sample_rate: int = 0
    custom_parameters: Mapping[str, str] = field(default_factory=dict)
    sequence: int | None = None


@dataclass(frozen=True, slots=True)
class Media:
    """Audio heard from the person, in the start's encoding, usually 20 ms. `timestamp` is milliseconds."""

    payload: bytes
    timestamp: int | None = None
    chunk: int | None = None
    sequence: int | None = None


@dataclass(frozen=True, slots=True)
class Dtmf:
    """One key of the telephone: 0-9, *, #, A-D. `duration` is milliseconds."""

    digit: str
    duration: int | None = None
    sequence: int | None = None


@dataclass(frozen=True, slots=True)
class Mark:
    """All audio sent before the mark of this name has been played (or was cleared)."""

    name: str


@dataclass(frozen=True, slots=True)
class Stop:
    """The call or the applet has ended; the socket drops next, seldom with a close frame."""

    reason: str = ""
    call_sid: str = ""
    sequence: int | None = None


Event = Connected | Start | Media | Dtmf | Mark | Stop


# --- commands: what we say ----------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class SendMedia:
    """PCM16 bytes for the person's ear; a multiple of 320, 3,200 to 100,000 bytes."""

    stream_sid: str
    payload: bytes


@dataclass(frozen=True, slots=True)
class SendMark:
    """Ask to be told when everything sent so far has been played."""

    stream_sid: str
    name: str


@dataclass(frozen=True, slots=True)
class SendClear:
    """Throw away what Exotel holds but has not played yet."""

    stream_sid: str


@dataclass(frozen=True, slots=True)
class Close:
    """Close the socket; there is no other way for a bot to hang up. `reason` and `by` are for our own timeline."""

    code: int
    reason: str
    by: ClosedBy = "bot"


ClosedBy = Literal["bot", "limit", "error", "network", "server"]
Frame = SendMedia | SendMark | SendClear
Command = Frame | Close


# --- writing ------------------------------------------------------------------------------------------------


def encode(command: Frame) -> str:
    """The text frame for a command, keys in snake_case."""
    stream_sid = json.dumps(command.stream_sid)
    match command:
        case SendMedia(payload=payload):
            audio = base64.b64encode(payload).decode("ascii")
            return f'{{"event":"media","stream_sid":{stream_sid},"media":{{"payload":"{audio}"}}}}'
        case SendMark(name=name):
            return f'{{"event":"mark","stream_sid":{stream_sid},"mark":{{"name":{json.dumps(name)}}}}}'
        case SendClear():
            return f'{{"event":"clear","stream_sid":{stream_sid}}}'


# --- reading ------------------------------------------------------------------------------------------------


def decode(frame: str | bytes) -> Event | None:
    """The event in a frame, or None for an event of a kind we do not know. Raises ProtocolError only.

    Frames are text; the same JSON in a binary frame is read as well, since many libraries send that by default.
    """
    if isinstance(frame, bytes) and not frame.startswith(b"{"):
        raise ProtocolError("binary frame")
    try:
        message = json.loads(frame)
    except (ValueError, RecursionError):
        raise ProtocolError("not JSON") from None
    if not isinstance(message, dict):
        raise ProtocolError("not an object")
    kind = message.get("event")
    if not isinstance(kind, str):
        raise ProtocolError("no event name")
    read = _READERS.get(kind)
    return read(message) if read else None


def _connected(message: dict[str, Any]) -> Connected:
    return Connected()


def _start(message: dict[str, Any]) -> Start:
    start = _part(message, "start")
    shape = _part(start, "media_format", "mediaFormat")
    rate = _number(_pick(shape, "sample_rate", "sampleRate"))
    return Start(
        stream_sid=_stream_sid(message, start),
        call_sid=_text(_pick(start, "call_sid", "callSid"), WORD_LIMIT),
        account_sid=_text(_pick(start, "account_sid", "accountSid"), WORD_LIMIT),
        caller=_text(start.get("from"), WORD_LIMIT),
        called=_text(start.get("to"), WORD_LIMIT),
        encoding=_text(shape.get("encoding"), WORD_LIMIT),
        sample_rate=rate if rate in SAMPLE_RATES else 0,
        custom_parameters=_parameters(_pick(start, "custom_parameters", "customParameters")),
        sequence=_sequence(message),
    )


def _media(message: dict[str, Any]) -> Media:
    media = _part(message, "media")
    payload = media.get("payload")
    if not isinstance(payload, str) or not payload:
        raise ProtocolError("media without payload")
    return Media(_audio(payload), _number(media.get("timestamp")), _number(media.get("chunk")), _sequence(message))


def _audio(payload: str) -> bytes:
    """The bytes of base64, whether or not it is cut into lines as MIME does."""
    try:
        return binascii.a2b_base64(payload, strict_mode=True)
    except ValueError:
        pass
    try:
        return binascii.a2b_base64("".join(payload.split()), strict_mode=True)
    except ValueError:
        raise ProtocolError("payload is not base64") from None


def _dtmf(message: dict[str, Any]) -> Dtmf:
    """One key. Never captured: the pages print `dtmf: {digit}`; Passthru wraps its digits in quotes."""
    dtmf = message.get("dtmf")
    part = dtmf if isinstance(dtmf, dict) else {"digit": dtmf} if dtmf is not None else message
    digit = _text(_pick(part, "digit", "digits")).strip('" ').upper()
    if digit not in KEYS:
        raise ProtocolError("dtmf without a key")
    return Dtmf(digit, _number(part.get("duration")), _sequence(message))


def _mark(message: dict[str, Any]) -> Mark:
    name = _text(_part(message, "mark").get("name"))
    if not name:
        raise ProtocolError("mark without a name")
    return Mark(name)


def _stop(message: dict[str, Any]) -> Stop:
    stop = _part(message, "stop")
    return Stop(_text(stop.get("reason")), _text(_pick(stop, "call_sid", "callSid")), sequence=_sequence(message))


_READERS: Final[dict[str, Callable[[dict[str, Any]], Event]]] = {
    "connected": _connected,
    "start": _start,
    "media": _media,
    "dtmf": _dtmf,
    "mark": _mark,
    "stop": _stop,
}


def _pick(values: dict[str, Any], *names: str) -> Any:
    return next((values[name] for name in names if name in values), None)


def _part(values: dict[str, Any], *names: str) -> dict[str, Any]:
    part = _pick(values, *names)
    return part if isinstance(part, dict) else {}


def _stream_sid(message: dict[str, Any], start: dict[str, Any]) -> str:
    names = ("stream_sid", "streamSid")
    return _text(_pick(start, *names), WORD_LIMIT) or _text(_pick(message, *names), WORD_LIMIT)


def _sequence(message: dict[str, Any]) -> int | None:
    return _number(_pick(message, "sequence_number", "sequenceNumber"))


def _text(value: object, limit: int = TEXT_LIMIT) -> str:
    """Text as our tables can hold it: no NUL, no half of a surrogate pair, bounded."""
    if isinstance(value, bool) or not isinstance(value, str | int):
        return ""
    if isinstance(value, int):
        return str(value) if -(2**63) <= value < 2**63 else ""
    return value[:limit].replace("\0", "").encode("utf-8", "ignore").decode("utf-8")


def _number(value: object) -> int | None:
    """A whole number that fits a bigint, from a number or its text; None for everything else."""
    if isinstance(value, bool) or not isinstance(value, str | int | float):
        return None
    if isinstance(value, float) and not math.isfinite(value):
        return None
    if isinstance(value, str) and not (value.isascii() and value.isdigit() and len(value) < 20):
        return None
    number = int(value)
    return number if 0 <= number < 2**63 else None


def _parameters(value: object) -> dict[str, str]:
    """Custom parameters as text. The vendor may deliver a lone CustomField as a key without a value, or pack all of
    them into a string of JSON as it does with Passthru's `Stream`."""
    if isinstance(value, str):
        value = _unpacked(value)
    if not isinstance(value, dict):
        return {}
    pairs = list(value.items())[:PARAMETERS_LIMIT]
    return {_text(key): _text(content) for key, content in pairs if _text(key)}


def _unpacked(text: str) -> object:
    """The object that the text is in JSON; else the text as a lone key."""
    try:
        found = json.loads(text) if text.lstrip().startswith("{") else None
    except (ValueError, RecursionError):
        found = None
    return found if isinstance(found, dict) else {text: ""}
