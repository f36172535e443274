"""What a flow's requests to the product carry: Passthru and the dynamic stream address (fact sheet, section 3)."""

import json
from datetime import datetime
from urllib.parse import urlsplit

from dialer.simulator.callbacks import Posting
from dialer.simulator.calls import Call
from dialer.simulator.documents import recording_address
from dialer.simulator.flows import Passthru, with_query
from dialer.simulator.identity import IST, stamp
from dialer.simulator.options import Options
from dialer.simulator.streams import THROTTLED, Stream

Pairs = dict[str, str]

TIMEOUT = 5.0  # wall seconds; sources say 2 to 15
AVAILABLE_AFTER = 300.0  # carrier seconds: what RecordingAvailableBy promises
USER_AGENT = "Exotel Servers"
NEVER = "1970-01-01 05:30:00"  # how an unset time is printed
ENDED_BY = {"person": "user", "bot": "bot", "carrier": "NA"}
GUIDE_ENDED_BY = {"person": "caller", "bot": "bot", "carrier": "system"}


def posting(call: Call, applet: Passthru, stream: Stream | None, options: Options, now: float) -> Posting:
    """The request of a Passthru applet (its address filled), in the style and method that it or the simulator has."""
    style = applet.style or options.passthru_style
    pairs = flat(call, stream, options) if style == "flat" else parameters(call, options, now)
    if style != "flat":
        pairs |= _flow_pairs(call, options, now)
    if (applet.method or options.passthru_method) == "GET":
        more = {} if style == "flat" else _stream_pairs(stream, options, style)
        return Posting(with_query(applet.url, pairs | more), {"User-Agent": USER_AGENT}, b"", "GET")
    fields: dict[str, object] = {**pairs} if stream else {**pairs, "EventType": "stream-start"}
    if stream and style != "flat":
        about = _about(stream, options)
        fields["Stream"] = json.dumps(about) if style == "json" else about
    body = json.dumps(fields, separators=(",", ":")).encode()
    return Posting(applet.url, {"User-Agent": USER_AGENT, "Content-Type": "application/json"}, body)


def dynamic(call: Call, url: str, options: Options, now: float) -> Posting:
    """The request for a stream address: a GET with the captured set."""
    return Posting(with_query(url, parameters(call, options, now)), {"User-Agent": USER_AGENT}, b"", "GET")


def stream_address(status: int | None, body: bytes) -> str:
    """The address in the answer to a dynamic request. ValueError says why there is none."""
    if status != 200:
        raise ValueError(f"dynamic url answered {status or 'nothing'}")
    try:
        url = json.loads(body)["url"]
    except (ValueError, KeyError, TypeError):
        raise ValueError('dynamic url answered without {"url": "wss://..."}') from None
    if not isinstance(url, str) or urlsplit(url).scheme not in {"ws", "wss"} or not urlsplit(url).hostname:
        raise ValueError("dynamic url answered an address that is neither ws nor wss")
    return url


def parameters(call: Call, options: Options, now: float) -> Pairs:
    """The captured set, in its order."""
    return {
        "CallSid": call.sid,
        "CallFrom": call.order.customer,
        "CallTo": call.order.exophone,
        "Direction": "outbound-dial",
        "Created": _long_stamp(call.received_at),
        "DialWhomNumber": call.second.number if call.second else "",
        "HangupLatencyStartTimeExocc": "",
        "HangupLatencyStartTime": "",
        "From": call.order.customer,
        "To": call.order.exophone,
        "CustomField": call.order.custom_field or "",
        "CurrentTime": str(stamp(now)),
    }


def flat(call: Call, stream: Stream | None, options: Options) -> Pairs:
    """The ten lower-case keys of the developer guide; before a stream only the first."""
    if stream is None:
        return {"callsid": call.sid}
    about = _about(stream, options)
    return {
        "callsid": call.sid,
        "streamsid": stream.sid,
        "streamurl": about["StreamUrl"],
        "status": about["Status"],
        "duration": about["Duration"],
        "recordingurl": about["RecordingUrl"],
        "error": about["Error"],
        "disposition": about["Status"],
        "disconnectedby": GUIDE_ENDED_BY.get(stream.by, "system"),
        "detailedstatus": about["DetailedStatus"],
    }


def _flow_pairs(call: Call, options: Options, now: float) -> Pairs:
    """What Passthru was seen to add to the captured set."""
    pairs = {
        "StartTime": str(stamp(call.received_at)),
        "EndTime": NEVER if call.open else str(stamp(call.ended_at)),
        "CallType": "call-attempt" if call.open else "client-hangup",
        "flow_id": call.flow.app_id if call.flow else "",
        "tenant_id": options.account_sid,
        "ForwardedFrom": "null",
        "ProcessStatus": "null",
    }
    if call.flow and call.flow.digits:
        pairs["digits"] = f'"{call.flow.digits}"'
    if call.order.record:
        pairs["RecordingUrl"] = recording_address(call.sid, options)
        pairs["RecordingAvailableBy"] = _long_stamp((call.ended_at or now) + AVAILABLE_AFTER / options.speed)
    return pairs | _leg_pairs(call)


def _leg_pairs(call: Call) -> Pairs:
    leg = call.second
    if leg is None:
        return {}
    return {
        "DialCallDuration": str(leg.on_call(call.speed)),
        "DialCallStatus": leg.status,
        "OutgoingPhoneNumber": call.order.exophone,
        "Legs[0][Number]": leg.number,
        "Legs[0][Type]": "single",
        "Legs[0][OnCallDuration]": str(leg.on_call(call.speed)),
        "Legs[0][CallerId]": call.order.exophone,
        "Legs[0][CauseCode]": "NORMAL_CLEARING" if leg.answered_at else "RING_TIMEOUT",
        "Legs[0][Cause]": "16" if leg.answered_at else "1003",
    }


def _stream_pairs(stream: Stream | None, options: Options, style: str) -> Pairs:
    if stream is None:
        return {}
    about = _about(stream, options)
    if style == "json":
        return {"Stream": json.dumps(about, separators=(",", ":"))}
    return {f"Stream[{name}]": value for name, value in about.items()}


def _about(stream: Stream, options: Options) -> Pairs:
    """What is told of a stream. `cancelled`: the call ended before its socket stood."""
    status = "failed" if stream.error else "completed" if stream.opened_at else "cancelled"
    seconds = (stream.closed_at or 0.0) - stream.opened_at if stream.opened_at and stream.closed_at else 0.0
    return {
        "StreamSID": stream.sid,
        "Status": "in-progress" if stream.live else status,
        "Duration": str(round(seconds * options.speed)),
        "RecordingUrl": recording_address(stream.sid, options) if stream.record and stream.opened_at else "",
        "StreamUrl": stream.public_url,
        "DisconnectedBy": ENDED_BY.get(stream.by, "NA"),
        "Error": stream.error,
        "DetailedStatus": THROTTLED if stream.error == THROTTLED else status,
    }


def _long_stamp(at: float) -> str:
    """`Tue, 07 Jan 2025 15:51:06`: Indian time without a zone."""
    return datetime.fromtimestamp(at, IST).strftime("%a, %d %b %Y %H:%M:%S")
