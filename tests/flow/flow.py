"""A flow of Exotel's as far as we see it: what its applets send, in every spelling."""

import json
from collections.abc import Mapping
from typing import Any
from urllib.parse import urlencode

from django.http import HttpResponse
from django.test import Client

from campaigns import account_tokens, addresses
from campaigns.exotel.numbers import national
from campaigns.lifecycle import AttemptState
from campaigns.models import CallAttempt, CallEvent
from campaigns.tokens import Purpose
from tests import people
from tests.callbacks.carrier import new_sid

STREAM = {
    "StreamSID": "f37f0d4d5e1be0ae8dd5c9ae4b4f19bk",
    "Status": "completed",
    "Duration": "31",
    "RecordingUrl": "https://recordings.exotel.com/exotelrecordings/simulated/f37f.mp3",
    "StreamUrl": "wss://dialer.example/x/ws/a/token",
    "DisconnectedBy": "user",
    "Error": "",
    "DetailedStatus": "completed",
}
FLAT = {
    "streamsid": STREAM["StreamSID"],
    "streamurl": STREAM["StreamUrl"],
    "status": "completed",
    "duration": "31",
    "recordingurl": STREAM["RecordingUrl"],
    "error": "",
    "disposition": "completed",
    "disconnectedby": "caller",
    "detailedstatus": "completed",
}


def call(state: str = AttemptState.PLACED, *, bot: str = "echo", sid: str | None = "new", **fields: Any) -> CallAttempt:
    """A call of a flow campaign with a bot; `fields` are the campaign's."""
    contact = people.contact(people.campaign(bot=bot, **fields))
    return people.attempt(contact, state, sid=new_sid() if sid == "new" else sid)


def custom_field(attempt: CallAttempt) -> str:
    return addresses.custom_field(attempt.campaign_id, attempt.pk)


def captured(attempt: CallAttempt, sid: str | None = None) -> dict[str, str]:
    """The parameters of a real Passthru, as captured."""
    return {
        "CallSid": sid or attempt.sid or "",
        "CallFrom": national(attempt.phone),
        "CallTo": attempt.caller_id,
        "Direction": "outbound-dial",
        "Created": "Tue, 07 Jan 2025 15:51:06",
        "From": national(attempt.phone),
        "To": "09513886363",
        "CustomField": custom_field(attempt),
        "CurrentTime": "2025-01-07 15:51:06",
    }


def bracketed(stream: Mapping[str, str]) -> dict[str, str]:
    return {f"Stream[{name}]": value for name, value in stream.items()}


def packed(stream: Mapping[str, str]) -> dict[str, str]:
    return {"Stream": json.dumps(stream)}


def path(account_id: int, purpose: Purpose = "passthru") -> str:
    door = {"passthru": "pt", "dynamic-stream": "ds", "static-stream": "ws/a"}[purpose]
    return f"/x/{door}/{account_tokens.text(account_tokens.current(account_id, purpose))}"


def get(client: Client, where: str, fields: Mapping[str, str]) -> HttpResponse:
    response: HttpResponse = client.get(f"{where}?{urlencode(fields)}")  # type: ignore[assignment]
    return response


def told(client: Client, attempt: CallAttempt, fields: Mapping[str, str] | None = None) -> HttpResponse:
    """A Passthru about this call at its account's address."""
    return get(client, path(attempt.account_id), captured(attempt) | dict(fields or {}))


def unmatched() -> list[CallEvent]:
    return list(CallEvent.objects.filter(attempt=None).order_by("pk"))
