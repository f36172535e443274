"""Call details, call lists and active streams as the REST API tells them (exotel-wire 5).

`Duration` includes the ringing and `AnsweredBy` says human even for busy calls, so talk time is
`conversation_duration` and the other is not read at all.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, tzinfo
from decimal import Decimal

from campaigns.exotel.bodies import Object, pick, pick_text
from campaigns.exotel.errors import Unreadable
from campaigns.exotel.statuses import CallStatus, call_status
from campaigns.exotel.times import read_time

LONGEST_CALL = 86_400  # seconds; anything above is not a duration


@dataclass(frozen=True, slots=True)
class CallDetails:
    """One call as Exotel remembers it. Numbers in its spelling (compare with `same_number`), times in UTC."""

    sid: str
    number: str = field(repr=False)  # the customer
    caller_id: str  # the ExoPhone
    status: CallStatus
    direction: str  # outbound-api for calls that we placed
    created: datetime | None
    start: datetime | None
    end: datetime | None
    duration: int | None  # seconds, ringing included
    conversation_duration: int | None  # seconds of talk
    price: Decimal | None  # settles some two minutes after the end
    recording_url: str | None
    raw: Object = field(repr=False, compare=False)


@dataclass(frozen=True, slots=True)
class CallList:
    """Calls of a list. `complete` is False if pages were left out: then absence proves nothing."""

    calls: tuple[CallDetails, ...]
    complete: bool


@dataclass(frozen=True, slots=True)
class StreamUse:
    """Media streams open now, and the most that the account may have, if Exotel said."""

    active: int
    limit: int | None


def read_call(found: Object, zone: tzinfo) -> CallDetails:
    """One call object, with or without its `Call` wrapper. Raises Unreadable without a Sid."""
    inner = pick(found, "Call")
    call: Object = inner if isinstance(inner, Mapping) else found
    sid = pick_text(call, "Sid")
    if not sid:
        raise Unreadable("a call without a Sid")
    details = pick(call, "Details")
    more: Object = details if isinstance(details, Mapping) else {}
    talked = pick_text(more, "ConversationDuration") or pick_text(call, "ConversationDuration")
    return CallDetails(
        sid=sid,
        number=pick_text(call, "From"),
        caller_id=pick_text(call, "PhoneNumberSid") or pick_text(call, "PhoneNumber"),
        status=call_status(pick_text(call, "Status")),
        direction=pick_text(call, "Direction"),
        created=read_time(pick_text(call, "DateCreated"), zone),
        start=read_time(pick_text(call, "StartTime"), zone),
        end=read_time(pick_text(call, "EndTime"), zone),
        duration=read_seconds(pick_text(call, "Duration")),
        conversation_duration=read_seconds(talked),
        price=_price(pick_text(call, "Price")),
        recording_url=read_url(pick_text(call, "PreSignedRecordingUrl") or pick_text(call, "RecordingUrl")),
        raw=call,
    )


def read_calls(found: Object, zone: tzinfo) -> tuple[list[CallDetails], str]:
    """(calls, the next page's address or "") of a list. Raises Unreadable if there is no list."""
    listed = pick(found, "Calls")
    if isinstance(listed, Mapping):  # XML: <Calls><Call>…</Call><Call>…</Call></Calls>
        listed = pick(listed, "Call")
    if listed is None and pick(found, "Calls") is None and pick(found, "Metadata") is None:
        raise Unreadable("the answer was not a list of calls")
    rows = listed if isinstance(listed, list) else [listed] if listed else []
    if not all(isinstance(row, Mapping) for row in rows):
        raise Unreadable("the list held something that is not a call")
    metadata = pick(found, "Metadata")
    following = pick_text(metadata, "NextPageUri") if isinstance(metadata, Mapping) else ""
    return [read_call(row, zone) for row in rows], following


def read_stream_use(found: Object) -> StreamUse:
    """ActiveStreams in the newer XML (ActiveStreamCount, ThrottleLimit) or the guide's JSON. Raises Unreadable."""
    inner = pick(found, "Stream")
    counts: Object = inner if isinstance(inner, Mapping) else found
    active = read_count(pick_text(counts, "ActiveStreamCount") or pick_text(counts, "active_streams"))
    if active is None:
        raise Unreadable("the answer did not say how many streams are open")
    return StreamUse(active, read_count(pick_text(counts, "ThrottleLimit") or pick_text(counts, "max_allowed_streams")))


def read_count(text: str) -> int | None:
    """A number printed as `41`, `41.0` or `"41"`, without its fraction; None for anything else."""
    found = re.fullmatch(r"([0-9]{1,9})(\.[0-9]*)?", text.strip(' "'))
    return int(found[1]) if found else None


def read_seconds(text: str) -> int | None:
    """A duration in seconds, or None if absent or longer than any call."""
    seconds = read_count(text)
    return seconds if seconds is not None and seconds <= LONGEST_CALL else None


def read_url(text: str) -> str | None:
    """An http(s) address as sent, a candidate only: whether it may be fetched is decided elsewhere."""
    return text if len(text) <= 2_000 and re.fullmatch(r"https?://[^\s\x00-\x1f]+", text, re.IGNORECASE) else None


def _price(text: str) -> Decimal | None:
    """Below a million, which is what the column holds: a larger one would be refused again and again."""
    return Decimal(text) if re.fullmatch(r"-?[0-9]{1,6}(\.[0-9]{1,9})?", text) else None
