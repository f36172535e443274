"""The carrier's doors: the status callback, and what a flow asks by itself.

Never a redirect (but a Passthru's branch B), never CSRF, never a 404 for a slash.

A forged token costs one HMAC and no query. Whatever bears a good token is stored and answered 200, readable or not:
Exotel tries a callback twice more and then drops it, so a refusal only loses it.
"""

import hashlib
import logging
from concurrent.futures import TimeoutError as TooSlow
from contextlib import suppress
from urllib.parse import parse_qsl

from django.contrib.auth.decorators import login_not_required
from django.db import DatabaseError
from django.http import HttpRequest, HttpResponse, JsonResponse
from django.views.decorators.csrf import csrf_exempt
from django.views.decorators.http import require_http_methods, require_POST

from campaigns import account_tokens, addresses, events, tokens
from campaigns import passthru as flows
from campaigns.events import Arrival
from campaigns.exotel.callbacks import CallReport, parse_status_callback
from campaigns.exotel.errors import Unreadable
from campaigns.exotel.fields import BODY_BYTES, FIELDS_AT_MOST, field, read_fields
from campaigns.models import EventSource

log = logging.getLogger(__name__)

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
    arrival = _arrival(attempt_id, request.content_type or "", request.headers.get("Content-Type", ""), request.body)
    try:
        events.say(arrival)
    except DatabaseError as away:
        # Not stored, so not 200: Exotel tries again in five minutes. Until then the reconciler asks by itself.
        log.warning("the callback of attempt %s could not be stored: %s", attempt_id, type(away).__name__)
        return HttpResponse("Try again.\n", status=503, content_type=PLAIN)
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


@csrf_exempt
@login_not_required
@require_http_methods(["GET", "POST"])
def passthru(request: HttpRequest, token: str, *, always_a: bool = False) -> HttpResponse:
    """GET or POST /x/pt/<account's token>: 200 takes the flow's branch A, 302 its branch B; 404 for a forged token.

    Whether it could be read, matched or stored: a person is on the line, and nothing else is an answer.
    """
    try:
        holder = account_tokens.read("passthru", token)
    except tokens.Forged:
        return HttpResponse("Not found.\n", status=404, content_type=PLAIN)
    if flows.hear(_telling(request, holder, EventSource.PASSTHRU)) and not always_a:
        return HttpResponse("B\n", status=302, content_type=PLAIN, headers={"Location": addresses.branch_b()})
    return HttpResponse("A\n", content_type=PLAIN)


@csrf_exempt
@login_not_required
@require_http_methods(["GET", "POST"])
def dynamic_stream(request: HttpRequest, token: str) -> JsonResponse:
    """GET /x/ds/<account's token>: {"url": "wss://…"} for the bot of this call, or {"error": why} with 404 or 503."""
    try:
        holder = account_tokens.read("dynamic-stream", token)
    except tokens.Forged:
        return JsonResponse({"error": "not found"}, status=404)
    try:
        return JsonResponse({"url": flows.stream_address(_telling(request, holder, EventSource.DYNAMIC))})
    except flows.NoAddress as why:
        return JsonResponse({"error": str(why)}, status=404)
    except (TooSlow, *flows.TROUBLE) as trouble:
        log.error("a flow got no stream address: %s", type(trouble).__name__)
        return JsonResponse({"error": "the database does not answer"}, status=503)


@csrf_exempt
@login_not_required
def branch_b(_request: HttpRequest) -> HttpResponse:
    """Where a Passthru's 302 points, for whoever follows it."""
    return HttpResponse("B\n", content_type=PLAIN)


def _telling(request: HttpRequest, holder: tuple[int, int], source: EventSource) -> flows.Telling:
    """The request as read. Query and body together: a POST may bring its fields in either."""
    query = str(request.META.get("QUERY_STRING", ""))[:BODY_BYTES]
    body = request.read(BODY_BYTES + 1) if request.method == "POST" else b""
    kind = request.headers.get("Content-Type", "")
    pairs: list[tuple[str, str]] = []
    with suppress(ValueError):
        pairs += parse_qsl(query, keep_blank_values=True, max_num_fields=FIELDS_AT_MOST, errors="replace")
    if body:
        with suppress(Unreadable):
            pairs += read_fields(kind, body).items()
    return flows.read(holder, source, pairs, raw=flows.raw_of(query, body[:BODY_BYTES]), content_type=kind)
