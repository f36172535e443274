"""Recordings: bytes for the player in ranges, a download, the search anew, and the list of those that are missing.

Django has no range support, and under ASGI a synchronous FileResponse is read whole into memory; so the answer here
is asynchronous and reads a piece at a time.
"""

import asyncio
from collections.abc import AsyncIterator

from asgiref.sync import sync_to_async
from django.contrib import messages
from django.core.files.storage import Storage
from django.db import close_old_connections, connection
from django.http import Http404, HttpRequest, HttpResponse, StreamingHttpResponse
from django.http.response import HttpResponseBase
from django.shortcuts import get_object_or_404, redirect, render
from django.utils.cache import get_conditional_response
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from campaigns.audit import Actor
from campaigns.models import CallAttempt, Recording, RecordingStatus
from campaigns.models.recordings import GIVEN_UP, OPEN_RECORDINGS
from campaigns.recordings import keeping
from campaigns.recordings.ranges import Span, Unsatisfiable, read_range
from campaigns.templatetags.dialer import plural
from campaigns.views.context import default_account
from campaigns.views.paging import counted, page

PIECE = 64 * 1024
SUFFIXES = {"audio/mpeg": "mp3", "audio/wav": "wav"}


# ------------------------------------------------------------------------------------------------------------ bytes
@require_safe
async def play(request: HttpRequest, attempt_id: int) -> HttpResponseBase:
    """GET /calls/<id>/recording: 200, 206 for one range, 304, 416; 404 while there is none."""
    return await _answer(request, attempt_id, "inline")


@require_safe
async def download(request: HttpRequest, attempt_id: int) -> HttpResponseBase:
    """The same as a file to keep."""
    return await _answer(request, attempt_id, "attachment")


async def _answer(request: HttpRequest, attempt_id: int, disposition: str) -> HttpResponseBase:
    recording = await sync_to_async(_stored)(attempt_id)
    size, etag = recording.size or 0, f'"{recording.sha256[:32]}"'
    headers = {
        "Accept-Ranges": "bytes",
        "Cache-Control": "private, no-cache",
        "Content-Disposition": f'{disposition}; filename="call-{attempt_id}.{SUFFIXES[recording.content_type]}"',
        "ETag": etag,
    }
    conditional = get_conditional_response(request, etag=etag)
    if conditional is not None:
        conditional.headers.setdefault("Cache-Control", headers["Cache-Control"])
        return conditional
    try:
        span = read_range(_wanted(request, etag), size)
    except Unsatisfiable:
        return HttpResponse(status=416, headers=headers | {"Content-Range": f"bytes */{size}"})
    if span:
        headers["Content-Range"] = f"bytes {span.first}-{span.last}/{size}"
    return _bytes_of(request, recording, span or Span(0, size - 1), headers, 206 if span else 200)


def _stored(attempt_id: int) -> Recording:
    """The stored recording of a call. Its database connection goes back before the first byte leaves.

    A browser that paused holds its answer open for minutes, and the pool has a dozen connections for everybody.
    """
    rows = Recording.objects.filter(status=RecordingStatus.STORED).defer("peaks", "candidates")
    recording = get_object_or_404(rows, attempt_id=attempt_id)
    if not connection.in_atomic_block:
        close_old_connections()
    if not recording.file.storage.exists(recording.file.name or ""):
        raise Http404("The file of this recording is gone from the storage.")
    return recording


def _wanted(request: HttpRequest, etag: str) -> str | None:
    """The Range header, unless If-Range names another version of the file (RFC 9110, 13.1.5; only strong tags)."""
    unless = request.headers.get("If-Range")
    return None if unless is not None and unless.strip() != etag else request.headers.get("Range")


def _bytes_of(
    request: HttpRequest, recording: Recording, span: Span, headers: dict[str, str], status: int
) -> HttpResponseBase:
    headers["Content-Length"] = str(span.length)
    if request.method == "HEAD":
        return HttpResponse(status=status, headers=headers, content_type=recording.content_type)
    pieces = _pieces(recording.file.storage, recording.file.name or "", span)
    return StreamingHttpResponse(pieces, status=status, headers=headers, content_type=recording.content_type)


async def _pieces(storage: Storage, name: str, span: Span) -> AsyncIterator[bytes]:
    """A span of a stored file, a piece at a time; reading happens on a thread, so that nobody else waits."""
    left = span.length
    file = await asyncio.to_thread(storage.open, name)
    try:
        await asyncio.to_thread(file.seek, span.first)
        while left and (piece := await asyncio.to_thread(file.read, min(PIECE, left))):
            left -= len(piece)
            yield piece
    finally:
        file.close()


# ---------------------------------------------------------------------------------------------------------- missing
@require_POST
def refetch(request: HttpRequest, attempt_id: int) -> HttpResponse:
    """Search anew for one recording, then back to the page of the call, or to the list with `next=missing`."""
    get_object_or_404(CallAttempt, pk=attempt_id)
    if keeping.refetch(attempt_id, by=Actor.of(request.user)):
        messages.success(request, "Looking for the recording again, for a day.")
    else:
        messages.info(request, "The recording is stored or being fetched already.")
    return redirect("recordings-missing") if request.POST.get("next") == "missing" else redirect("call", attempt_id)


@require_http_methods(["GET", "POST"])
def missing(request: HttpRequest) -> HttpResponse:
    """Recordings that were given up, newest first. A POST searches anew for all of them."""
    account = default_account()
    kind = account.kind if account else ""
    if request.method == "POST":
        count = keeping.refetch_all(kind, by=Actor.of(request.user))
        messages.success(request, f"Looking for {plural(count, 'recording,recordings')} again, for a day.")
        return redirect("recordings-missing")
    rows = Recording.objects.filter(attempt__account_kind=kind).defer("peaks")
    given_up = rows.filter(status__in=GIVEN_UP)
    context = {
        "page": page(
            given_up.select_related("attempt__campaign", "attempt__campaign_contact"), "changed_at", request.GET
        ),
        "total": counted(given_up),
        "waiting": counted(rows.filter(status__in=OPEN_RECORDINGS)),
    }
    return render(request, "recordings/missing.html", context)
