"""What Exotel tells us by itself: the status callback (POST) and the Passthru applet (GET).

Neither is signed, so a report is a hint that belongs to an attempt only by the token in its address. Only CallSid,
Status and DateUpdated are ever there for sure; all else is read if present (exotel-wire 2 and 3).
"""

import re
from collections.abc import Iterable, Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass
from dataclasses import field as entry
from datetime import datetime, tzinfo

from campaigns.exotel.details import read_seconds, read_url
from campaigns.exotel.errors import Unreadable
from campaigns.exotel.fields import BODY_BYTES, digest, field, flatten_json, keep_first, read_fields, storable
from campaigns.exotel.statuses import CallStatus, EndedBy, call_status, ended_by
from campaigns.exotel.times import INDIA_TIME, read_time

LEGS_AT_MOST = 10


@dataclass(frozen=True, slots=True)
class Leg:
    """One leg of the call. AnsweredBy is worthless (human even on busy calls) and not read."""

    status: CallStatus
    on_call_duration: int | None  # seconds


@dataclass(frozen=True, slots=True)
class CallReport:
    """A status callback. Absent text is "", absent numbers and times are None; numbers in Exotel's spelling."""

    call_sid: str
    event_type: str  # terminal, answered, ringing, or "" in the minimal body
    status: CallStatus
    number: str = entry(repr=False)  # the customer
    caller_id: str  # the ExoPhone
    custom_field: str = entry(repr=False)
    updated: datetime | None  # DateUpdated, the one time that is always there
    start: datetime | None
    end: datetime | None
    conversation_duration: int | None  # seconds
    recording_url: str | None  # a candidate, to be checked before it is fetched
    legs: tuple[Leg, ...]
    fields: Mapping[str, str] = entry(repr=False)
    digest: str


@dataclass(frozen=True, slots=True)
class StreamReport:
    """What the Passthru after a Voicebot applet says about the stream."""

    sid: str
    status: str  # completed, failed, cancelled in lower case, or ""
    duration: int | None  # seconds
    url: str
    recording_url: str | None
    ended_by: EndedBy
    error: str  # in Exotel's words
    detailed_status: str


@dataclass(frozen=True, slots=True)
class PassthruReport:
    """A Passthru request. `stream` is None if it says nothing about one."""

    call_sid: str
    number: str = entry(repr=False)
    caller_id: str
    custom_field: str = entry(repr=False)
    direction: str
    digits: str
    recording_url: str | None
    disposition: str
    created: datetime | None
    stream: StreamReport | None
    fields: Mapping[str, str] = entry(repr=False)
    digest: str


def parse_status_callback(content_type: str, body: bytes, *, zone: tzinfo = INDIA_TIME) -> CallReport:
    """Read a status callback of any of the three content types, or of a wrong one. Raises Unreadable only.

    At most 64 KiB and 500 fields; `zone` is that of the account's timestamps.
    """
    fields = read_fields(content_type, body)
    return CallReport(
        call_sid=field(fields, "CallSid"),
        event_type=field(fields, "EventType").lower(),
        status=call_status(field(fields, "Status")),
        number=field(fields, "From"),
        caller_id=field(fields, "PhoneNumberSid") or field(fields, "To"),
        custom_field=field(fields, "CustomField"),
        updated=read_time(field(fields, "DateUpdated"), zone),
        start=read_time(field(fields, "StartTime"), zone),
        end=read_time(field(fields, "EndTime"), zone),
        conversation_duration=read_seconds(field(fields, "ConversationDuration")),
        recording_url=read_url(field(fields, "RecordingUrl")),
        legs=tuple(_legs(fields)),
        fields=fields,
        digest=digest(fields),
    )


def _legs(fields: Mapping[str, str]) -> Iterator[Leg]:
    for index in range(LEGS_AT_MOST):
        status = field(fields, f"Legs[{index}][Status]")
        seconds = field(fields, f"Legs[{index}][OnCallDuration]")
        if not status and not seconds:
            return
        yield Leg(call_status(status), read_seconds(seconds))


def parse_passthru(query: Iterable[tuple[str, str]], *, zone: tzinfo = INDIA_TIME) -> PassthruReport:
    """Read a Passthru's parameters, in order as sent. Raises Unreadable only.

    Takes the three spellings: `Stream[StreamSID]`, one `Stream` parameter that holds JSON, and the flat lower-case
    names of the developer guide (`streamsid`, `disconnectedby`).
    """
    fields = keep_first(_bounded(query))
    stream = _stream_fields(fields)
    return PassthruReport(
        call_sid=field(fields, "CallSid"),
        number=field(fields, "CallFrom") or field(fields, "From"),
        caller_id=field(fields, "CallTo") or field(fields, "To"),
        custom_field=field(fields, "CustomField"),
        direction=field(fields, "Direction"),
        digits=field(fields, "digits").strip('"').strip(),
        recording_url=read_url(field(fields, "RecordingUrl")),
        disposition=field(fields, "disposition"),
        created=read_time(field(fields, "Created"), zone),
        stream=_stream_report(stream) if stream else None,
        fields=fields,
        digest=digest(fields),
    )


def _bounded(query: Iterable[tuple[str, str]]) -> Iterator[tuple[str, str]]:
    length = 0
    for name, value in query:
        length += len(name) + len(value)
        if length > BODY_BYTES:
            raise Unreadable(f"the parameters are longer than {BODY_BYTES // 1024} KiB")
        yield name, value


_STREAM_KEY = re.compile(r"stream\[(.+)\]", re.IGNORECASE)
_FLAT_KEYS = (
    "streamsid",
    "streamurl",
    "status",
    "duration",
    "recordingurl",
    "error",
    "disconnectedby",
    "detailedstatus",
)


def _stream_fields(fields: Mapping[str, str]) -> dict[str, str]:
    """The stream's own fields under bare names, from whichever of the three spellings is there."""
    bracketed = {found[1]: value for name, value in fields.items() if (found := _STREAM_KEY.fullmatch(name))}
    if bracketed:
        return bracketed
    packed = field(fields, "Stream")
    if packed:
        with suppress(Unreadable):
            return {name: storable(value) for name, value in flatten_json(packed)}
    if field(fields, "streamsid"):
        return {name: field(fields, name) for name in _FLAT_KEYS}
    return {}


def _stream_report(stream: Mapping[str, str]) -> StreamReport:
    status = field(stream, "Status").lower()
    return StreamReport(
        sid=field(stream, "StreamSID"),
        status="cancelled" if status == "canceled" else status,
        duration=read_seconds(field(stream, "Duration")),
        url=field(stream, "StreamUrl"),
        recording_url=read_url(field(stream, "RecordingUrl")),
        ended_by=ended_by(field(stream, "DisconnectedBy")),
        error=field(stream, "Error"),
        detailed_status=field(stream, "DetailedStatus"),
    )
