"""What the REST face prints: calls, lists, errors, in XML and JSON (fact sheet, sections 1 and 5)."""

import json
from collections.abc import Sequence
from html import escape
from typing import Any

from dialer.simulator.calls import Call
from dialer.simulator.identity import international, stamp
from dialer.simulator.options import Options

Fields = dict[str, Any]


def recording_address(name: str, options: Options) -> str:
    """Where the recording of a call or a stream will be, sooner or later."""
    return f"{options.base_url}/recordings/{options.account_sid}/{name}.wav"


def call_fields(call: Call, options: Options, *, details: bool = False, xml: bool = False) -> Fields:
    """The record of a call, PascalCase. There is no CustomField in it, as on the wire."""
    account = options.account_sid
    uri = f"/v1/Accounts/{account}/Calls{'' if xml else '.json'}/{call.sid}"
    fields: Fields = {
        "Sid": call.sid,
        "ParentCallSid": None,
        "DateCreated": stamp(call.received_at),
        "DateUpdated": stamp(call.updated_at),
        "AccountSid": account,
        "To": None if call.order.kind == "stream" else call.order.to or call.order.customer,
        "From": call.order.customer,
        "PhoneNumberSid": call.order.exophone,
        "Status": call.status,
        "StartTime": stamp(call.received_at),
        "EndTime": stamp(call.ended_at),
        "Duration": call.duration,
        "Price": call.price,
        "Direction": "outbound-api",
        "AnsweredBy": None if call.open else "human",
        "ForwardedFrom": None,
        "CallerName": None,
        "Uri": uri,
        "RecordingUrl": recording_address(call.sid, options) if call.recorded else None,
    }
    if call.order.kind == "stream":
        fields["SubResourceUris"] = {"Stream": f"{uri}/Stream"}
    if details:
        fields["Details"] = _details(call)
    return fields


def _details(call: Call) -> Fields:
    status = call.status if call.answered_at or not call.open else None
    legs = [{"Leg": {"Id": 1, "OnCallDuration": call.conversation}}]
    if call.second:
        legs.append({"Leg": {"Id": 2, "OnCallDuration": call.second.on_call(call.speed)}})
    return {
        "ConversationDuration": call.conversation,
        "Leg1Status": status,
        "Leg2Status": call.second.status if call.second else None,
        "Legs": legs,
    }


def lowercase_fields(call: Call, options: Options) -> Fields:
    """The seven lower-case keys of the vendor's guide."""
    fields = call_fields(call, options)
    names = ("Sid", "Status", "From", "PhoneNumberSid", "Direction", "DateCreated", "RecordingUrl")
    return {name.lower(): fields[name] for name in names} | {"from": international(call.order.customer)}


def list_fields(calls: Sequence[Call], options: Options, metadata: Fields) -> Fields:
    return {"Metadata": metadata, "Calls": [call_fields(call, options) for call in calls]}


def exception_fields(status: int, message: str, code: str | None = None) -> Fields:
    fields: Fields = {"Status": status, "Message": message}
    return {"RestException": fields | ({"Code": code} if code else {})}


def as_json(fields: Fields) -> bytes:
    """JSON the way PHP prints it: slashes escaped."""
    return json.dumps(fields, separators=(",", ":")).replace("/", "\\/").encode()


def as_xml(fields: Fields) -> bytes:
    """XML as captured: one space a level, empty elements closed in themselves, a newline at the end."""
    lines = ['<?xml version="1.0" encoding="UTF-8"?>', "<TwilioResponse>"]
    lines += _elements(fields, " ")
    return "\n".join([*lines, "</TwilioResponse>", ""]).encode()


def _elements(fields: Fields, indent: str) -> list[str]:
    lines: list[str] = []
    for name, value in fields.items():
        for item in value if isinstance(value, list) else [value]:
            lines += _element(name, item, indent)
    return lines


def _element(name: str, value: object, indent: str) -> list[str]:
    if isinstance(value, dict):
        return [f"{indent}<{name}>", *_elements(value, indent + " "), f"{indent}</{name}>"]
    if value is None or value == "":
        return [f"{indent}<{name}/>"]
    return [f"{indent}<{name}>{escape(str(value), quote=False)}</{name}>"]
