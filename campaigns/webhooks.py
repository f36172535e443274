"""The carrier's doors: the status callback. Never a redirect, never CSRF, never a 404 for a slash.

A forged token costs one HMAC and no query. Whatever bears a good token is stored and answered 200, readable or not:
Exotel tries a callback twice more and then drops it, so a refusal only loses it.
"""

import hashlib

from django.contrib.auth.decorators import login_not_required
from django.http import HttpRequest, HttpResponse
from django.views.decorators.csrf import csrf_exempt
from django.views.decorators.http import require_POST

from campaigns import events, tokens
from campaigns.events import Arrival
from campaigns.exotel.callbacks import CallReport, parse_status_callback
from campaigns.exotel.errors import Unreadable
from campaigns.exotel.fields import BODY_BYTES, field
from campaigns.models import EventSource

PLAIN = "text/plain; charset=utf-8"


@csrf_exempt
@login_not_required
@require_POST
def status_callback(request: HttpRequest, token: str) -> HttpResponse:
    """POST /x/cb/<token>: 200 once the raw event is committed; 404 for a token that is not ours; 413 over 64 KiB."""
    try:
        attempt_id = int(tokens.read("callback", token))
    except tokens.Forged:
        return HttpResponse("Not found.\n", status=404, content_type=PLAIN)
    # The header first, so that nothing large is read; the body too, since a chunked one has no header.
    if _announced(request) > BODY_BYTES or len(request.body) > BODY_BYTES:
        return HttpResponse("Too large.\n", status=413, content_type=PLAIN)
    events.say(_arrival(attempt_id, request.content_type or "", request.headers.get("Content-Type", ""), request.body))
    return HttpResponse("OK\n", content_type=PLAIN)


def _announced(request: HttpRequest) -> int:
    length = request.META.get("CONTENT_LENGTH") or ""
    return int(length) if length.isascii() and length.isdigit() else 0


def _arrival(attempt_id: int, kind: str, content_type: str, body: bytes) -> Arrival:
    text = body.decode("utf-8", errors="replace")
    try:
        report = parse_status_callback(content_type, body)
    except Unreadable as unreadable:
        return Arrival(
            source=EventSource.CALLBACK,
            digest=hashlib.sha256(body).hexdigest(),
            attempt_id=attempt_id,
            raw=text,
            content_type=kind,
            note=f"unreadable: {unreadable}",
        )
    return Arrival(
        source=EventSource.CALLBACK,
        digest=report.digest,
        attempt_id=attempt_id,
        call_sid=report.call_sid,
        said=_said(report),
        fields=dict(report.fields),
        raw=text,
        content_type=kind,
    )


def _said(report: CallReport) -> dict[str, object]:
    """The report in our words, as events.statement reads it."""
    ends = (field(report.fields, "From"), field(report.fields, "To"))
    return {
        "status": report.status.value,
        "answered": report.event_type == "answered" and not report.status.terminal,
        "numbers": [number for number in ends if number],
        "carrier_status": field(report.fields, "Status"),
        "talk_seconds": report.conversation_duration,
        "recording_url": report.recording_url or "",
    }
