"""Status callbacks: which are due, and their bodies byte by byte (fact sheet, section 2)."""

import json
import random
import string
from dataclasses import dataclass
from urllib.parse import urlencode

from dialer.simulator.calls import Call
from dialer.simulator.documents import recording_address
from dialer.simulator.fates import Recording
from dialer.simulator.identity import stamp
from dialer.simulator.options import Options

USER_AGENT = "Exotel Servers"
TIMEOUT = 15.0  # wall seconds: the receiver does not run faster because the carrier does
RETRY_AFTER = (300.0, 900.0)  # carrier seconds after the first and the second failure
LATE = 60.0
FORM = "application/x-www-form-urlencoded"


@dataclass(frozen=True)
class Delivery:
    """One sending of one event; `attempt` counts from 1, `copy` tells a doubled one."""

    sid: str
    event: str
    attempt: int = 1
    copy: int = 1
    leg: int = 1


@dataclass(frozen=True)
class Posting:
    """What goes over the wire."""

    url: str
    headers: dict[str, str]
    body: bytes
    method: str = "POST"


def events_of(call: Call, options: Options) -> tuple[str, ...]:
    """The events this call is told of: the ones asked for, else the terminal one alone."""
    if not call.order.status_callback:
        return ()
    return _asked(call, options) or ("terminal",)


def _asked(call: Call, options: Options) -> tuple[str, ...]:
    """The events asked for, where asking helps: flows were only ever seen to send the minimal body."""
    unheard = call.order.kind == "flow" and options.flow_events == "minimal"
    return () if unheard or options.callbacks == "minimal" else call.order.events


def posting(call: Call, delivery: Delivery, options: Options, now: float) -> Posting:
    """The request of one delivery."""
    fields = _full(call, delivery.event, options, now) if _asked(call, options) else _minimal(call, options, now)
    encoding = FORM if options.callbacks == "urlencoded" else call.order.content_type
    boundary = _boundary(f"{delivery}{now}")
    content_type, body = encode(fields, encoding, boundary)
    headers = {"User-Agent": USER_AGENT, "Content-Type": content_type, "Accept-Encoding": "gzip"}
    return Posting(call.order.status_callback or "", headers, body)


def encode(fields: dict[str, object], encoding: str, boundary: str) -> tuple[str, bytes]:
    """Content-Type and body; lists of legs become `Legs[0][Status]` in both form encodings."""
    if encoding == "application/json":
        return encoding, json.dumps(fields, separators=(",", ":")).encode()
    pairs = list(_flat(fields))
    if encoding == FORM:
        return encoding, urlencode(pairs).encode()
    parts = [
        f'--{boundary}\r\nContent-Disposition: form-data; name="{name}"\r\n\r\n{value}\r\n' for name, value in pairs
    ]
    body = "".join(parts) + f"--{boundary}--\r\n"
    return f"multipart/form-data; boundary={boundary}", body.encode()


def _boundary(name: str) -> str:
    letters = random.Random(name).choices(string.ascii_lowercase + string.digits, k=16)
    return "form-data-boundary-" + "".join(letters)


def _minimal(call: Call, options: Options, now: float) -> dict[str, object]:
    fields: dict[str, object] = {
        "CallSid": call.sid,
        "Status": call.status,
        "DateUpdated": stamp(call.updated_at or now),
    }
    if call.recorded and call.fate.recording is not Recording.UNNAMED:
        fields["RecordingUrl"] = recording_address(call.sid, options)
    return fields


def _full(call: Call, event: str, options: Options, now: float) -> dict[str, object]:
    terminal = event == "terminal"
    fields: dict[str, object] = {
        "CallSid": call.sid,
        "EventType": event,
        "DateCreated": stamp(call.received_at),
        "DateUpdated": stamp(call.updated_at or now),
        "Status": call.status if terminal else "in-progress",
        "To": call.order.to or call.order.exophone,
        "From": call.order.customer,
        "PhoneNumberSid": call.order.exophone,
        "StartTime": stamp(call.received_at),
        "EndTime": stamp(call.ended_at if terminal else 0.0),
        "Direction": "outbound-api",
        "Legs": _legs(call, terminal=terminal),
    }
    if terminal:
        fields["ConversationDuration"] = call.conversation
        named = call.recorded and call.fate.recording is not Recording.UNNAMED
        fields["RecordingUrl"] = recording_address(call.sid, options) if named else ""
    if terminal and call.order.custom_field is not None:
        fields["CustomField"] = call.order.custom_field
    return fields


def _legs(call: Call, *, terminal: bool) -> list[dict[str, object]]:
    first = {
        "OnCallDuration": call.conversation if terminal else 0,
        "Status": call.status if terminal else "in-progress",
        "AnsweredBy": "NA",
    }
    if call.second:
        talked, status = call.second.on_call(call.speed), call.second.status
        human = "HUMAN" if call.second.answered_at else "NA"
        return [first, {"OnCallDuration": talked, "Status": status, "AnsweredBy": human}]
    return [first, {"OnCallDuration": 0, "Status": "", "AnsweredBy": "NA"}] if not terminal else [first]


def _flat(fields: dict[str, object]) -> list[tuple[str, str]]:
    pairs: list[tuple[str, str]] = []
    for name, value in fields.items():
        if isinstance(value, list):
            for place, leg in enumerate(value):
                pairs += [(f"{name}[{place}][{key}]", str(item)) for key, item in leg.items()]
        else:
            pairs.append((name, str(value)))
    return pairs
