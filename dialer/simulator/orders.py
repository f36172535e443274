"""What a POST to Calls/connect asks for, and whether Exotel would take it (fact sheet, section 1)."""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from urllib.parse import urlsplit

from dialer.simulator.identity import national
from dialer.simulator.options import Options

Form = Sequence[tuple[str, str]]

PARAMETERS = [
    "From",
    "To",
    "CallerId",
    "Url",
    "StreamUrl",
    "StreamType",
    "StreamName",
    "StreamBegin",
    "CallType",
    "TimeLimit",
    "TimeOut",
    "WaitUrl",
    "Record",
    "RecordingChannels",
    "RecordingFormat",
    "CustomField",
    "StartPlaybackToNew",
    "StartPlaybackValueNew",
    "StatusCallback",
    "StatusCallbackEvents",
    "StatusCallbackContentType",
]
PASCAL = {name.lower(): name for name in PARAMETERS}
WORDS = {
    "StreamType": {"bidirectional", "unidirectional"},
    "StreamBegin": {"atLeg1connect", "atLeg2connect"},
    "CallType": {"trans", "promo"},
    "Record": {"true", "false"},
    "RecordingChannels": {"single", "dual"},
    "RecordingFormat": {"mp3", "mp3-hq"},
    "StatusCallbackContentType": {
        "multipart/form-data",
        "application/json",
        "application/x-www-form-urlencoded",
    },
}
LONGEST = {"CustomField": 128, "StreamName": 32, "StreamUrl": 599}
EVENTS = {"answered", "terminal", "ringing"}
BOTH = "both"  # a flow's word for answered and terminal
LONGEST_CALL = 14_400
DEFAULT_RING = 60


class Invalid(Exception):
    """A request Exotel answers with 400; the text is the RestException's message."""


@dataclass(frozen=True)
class Order:
    """One accepted request; `customer` and `exophone` are 0-national, times are carrier seconds."""

    customer: str
    exophone: str
    kind: str  # stream, flow or numbers
    to: str | None
    url: str | None
    stream_url: str | None
    time_limit: int
    time_out: int
    record: bool
    recording_channels: str
    custom_field: str | None
    status_callback: str | None
    events: tuple[str, ...]
    content_type: str
    one_way: bool = False  # StreamType=unidirectional


def read_order(form: Form, options: Options, *, lowercase: bool = False) -> Order:
    """The order in a form. `lowercase`: the spelling of the vendor's guide. Raises Invalid."""
    values, events = _gather(form, lowercase=lowercase)
    _require(values)
    _check_words(values)
    _check_stream(values)
    return Order(
        customer=_number(values["From"], "From"),
        exophone=_exophone(values["CallerId"], options),
        kind="stream" if "StreamUrl" in values else "flow" if "Url" in values else "numbers",
        to=_number(values["To"], "To") if "To" in values else None,
        url=values.get("Url"),
        stream_url=values.get("StreamUrl"),
        time_limit=_seconds(values, "TimeLimit", LONGEST_CALL),
        time_out=_seconds(values, "TimeOut", DEFAULT_RING),
        record=values.get("Record") == "true",
        recording_channels=values.get("RecordingChannels", "single"),
        custom_field=values.get("CustomField"),
        status_callback=_callback_url(values),
        events=_events(events, values),
        content_type=values.get("StatusCallbackContentType", "multipart/form-data"),
        one_way=values.get("StreamType") == "unidirectional",
    )


def _gather(form: Form, *, lowercase: bool) -> tuple[dict[str, str], tuple[str, ...]]:
    values: dict[str, str] = {}
    events: list[str] = []
    for given, value in form:
        base, suffix = re.fullmatch(r"([^\[]*)(.*)", given, re.DOTALL).groups()  # type: ignore[union-attr]
        name = PASCAL.get(base.lower(), base) if lowercase else base
        if name not in PARAMETERS and name.lower() in PASCAL:
            raise Invalid(f"Invalid parameter {given}: parameter names are case sensitive")
        if name == "StatusCallbackEvents":
            events += _event_words(value, suffix)
        elif value:
            values[name] = value
    return values, tuple(dict.fromkeys(events))


def _event_words(value: str, suffix: str) -> list[str]:
    words = [word.strip() for word in value.split(",") if word.strip()]
    if not re.fullmatch(r"(\[\d*\])?", suffix) or not set(words) <= EVENTS | {BOTH}:
        raise Invalid(f"Invalid StatusCallbackEvents: {value}")
    return words


def _events(words: tuple[str, ...], values: dict[str, str]) -> tuple[str, ...]:
    """The events asked for, with `both` spelled out; only a flow knows that word."""
    if BOTH not in words:
        return words
    if "Url" not in values:
        raise Invalid("Invalid StatusCallbackEvents: both")
    return "answered", "terminal"


def _require(values: dict[str, str]) -> None:
    for name in ("From", "CallerId"):
        if name not in values:
            raise Invalid(f"Mandatory parameter {name} is missing")
    if not {"Url", "StreamUrl", "To"} & values.keys():
        raise Invalid("Mandatory parameter missing: one of Url, StreamUrl or To is required")
    if {"Url", "StreamUrl"} <= values.keys():
        raise Invalid("Url and StreamUrl can not be used together")
    if "Url" in values and {"StreamType", "StreamName"} & values.keys():
        raise Invalid("StreamType and StreamName can not be used with Url: the stream is configured in the flow")


def _check_words(values: dict[str, str]) -> None:
    for name, allowed in WORDS.items():
        if name in values and values[name] not in allowed:
            raise Invalid(f"Invalid {name}: {values[name]}")
    for name, longest in LONGEST.items():
        if len(values.get(name, "")) > longest:
            raise Invalid(f"{name} exceeds the maximum length of {longest} characters")


def _check_stream(values: dict[str, str]) -> None:
    if "StreamUrl" not in values:
        return
    parts = urlsplit(values["StreamUrl"])
    if parts.scheme not in {"ws", "wss"} or not parts.hostname:
        raise Invalid("Invalid StreamUrl: it must start with ws:// or wss://")
    if "StreamType" not in values:
        raise Invalid("Mandatory parameter StreamType is missing")


def _number(text: str, name: str) -> str:
    number = national(text)
    if number is None:
        raise Invalid(f"Invalid {name} number: {text}")
    return number


def _exophone(text: str, options: Options) -> str:
    number = _number(text, "CallerId")
    if number not in {national(phone) for phone in options.exophones}:
        raise Invalid(f"CallerId {text} is not an ExoPhone of this account")
    return number


def _seconds(values: dict[str, str], name: str, default: int) -> int:
    text = values.get(name, str(default))
    if not re.fullmatch(r"[0-9]{1,5}", text) or not 0 < int(text) <= LONGEST_CALL:
        raise Invalid(f"Invalid {name}: it must be between 1 and {LONGEST_CALL} seconds")
    return int(text)


def _callback_url(values: dict[str, str]) -> str | None:
    url = values.get("StatusCallback")
    if url and (urlsplit(url).scheme not in {"http", "https"} or not urlsplit(url).hostname):
        raise Invalid("Invalid StatusCallback: it must be an http or https URL")
    return url
