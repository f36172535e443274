"""Exotel's side of the status callback: bodies as it writes them, and the POST that carries them."""

import itertools
import json
from collections.abc import Callable, Mapping
from typing import Any

from django.db.models import Model
from django.http import HttpResponse
from django.test import Client

from campaigns import tokens
from campaigns.exotel.numbers import national
from campaigns.lifecycle import AttemptState
from campaigns.models import CallAttempt, CallEvent, CampaignContact
from tests import people

Fields = Mapping[str, str]
Encoding = Callable[[Fields], tuple[str, bytes]]

_boundaries = itertools.count(1)
_sids = itertools.count(1)


def new_sid() -> str:
    return f"{next(_sids):032x}"


def in_multipart(fields: Fields) -> tuple[str, bytes]:
    """As captured: CRLF, and another boundary each time."""
    boundary = f"form-data-boundary-{next(_boundaries):016d}"
    parts = [
        f'--{boundary}\r\nContent-Disposition: form-data; name="{name}"\r\n\r\n{value}\r\n'
        for name, value in fields.items()
    ]
    return f"multipart/form-data; boundary={boundary}", ("".join(parts) + f"--{boundary}--\r\n").encode()


def in_json(fields: Fields) -> tuple[str, bytes]:
    """Legs nested, all else at the top."""
    flat: dict[str, Any] = {name: value for name, value in fields.items() if "[" not in name}
    if len(flat) < len(fields):
        flat["Legs"] = [{"Status": fields["Legs[0][Status]"], "AnsweredBy": "NA"}]
    return "application/json", json.dumps(flat).encode()


def in_urlencoded(fields: Fields) -> tuple[str, bytes]:
    from urllib.parse import urlencode

    return "application/x-www-form-urlencoded", urlencode(fields).encode()


ENCODINGS: Mapping[str, Encoding] = {"multipart": in_multipart, "json": in_json, "urlencoded": in_urlencoded}


def minimal(sid: str, status: str = "completed") -> dict[str, str]:
    """What is there for sure."""
    return {"CallSid": sid, "Status": status, "DateUpdated": "2026-01-15 18:14:07"}


def full(attempt: CallAttempt, sid: str, status: str = "completed", event: str = "terminal") -> dict[str, str]:
    """With events asked for; the numbers in Exotel's own spelling."""
    return minimal(sid, status) | {
        "EventType": event,
        "From": national(attempt.phone),
        "To": attempt.caller_id,
        "PhoneNumberSid": attempt.caller_id,
        "Direction": "outbound-api",
        "ConversationDuration": "32" if status == "completed" else "0",
        "Legs[0][Status]": status,
    }


def address(attempt_id: int, purpose: tokens.Purpose = "callback") -> str:
    return f"/x/cb/{tokens.mint(purpose, str(attempt_id))}"


def post(client: Client, attempt_id: int, fields: Fields, encoding: Encoding = in_multipart) -> HttpResponse:
    """Exotel calls back."""
    kind, body = encoding(fields)
    return send(client, address(attempt_id), kind, body)


def send(client: Client, path: str, kind: str, body: bytes, **extra: Any) -> HttpResponse:
    response: HttpResponse = client.generic("POST", path, body, kind, **extra)  # type: ignore[assignment]
    return response


def placed(state: str = AttemptState.PLACED, **fields: Any) -> CallAttempt:
    """An attempt whose POST was answered, of a person in call."""
    return people.attempt(people.contact(people.campaign()), state, **{"sid": new_sid()} | fields)


def fresh(attempt: CallAttempt) -> CallAttempt:
    return CallAttempt.objects.get(pk=attempt.pk)


def person(attempt: CallAttempt) -> CampaignContact:
    return CampaignContact.objects.get(pk=attempt.campaign_contact_id)


def events(attempt: CallAttempt) -> list[CallEvent]:
    return list(CallEvent.objects.filter(attempt=attempt).order_by("pk"))


def facts(attempt: CallAttempt) -> dict[str, object]:
    """Everything of the attempt and the person but what flags a contradiction and asks Exotel about it."""
    return _row(fresh(attempt), but={"contradiction", "check_at"}) | _row(person(attempt), but=set())


def _row(row: Model, but: set[str]) -> dict[str, object]:
    kind = type(row).__name__
    return {
        f"{kind}.{one.attname}": getattr(row, one.attname) for one in row._meta.concrete_fields if one.name not in but
    }
