"""Files that are made while they are sent, page by page."""

from collections.abc import AsyncIterator, Iterator

from asgiref.sync import sync_to_async
from django.core.handlers.asgi import ASGIRequest
from django.db import connection
from django.http import HttpRequest, StreamingHttpResponse
from django.utils.http import content_disposition_header


def csv_answer(request: HttpRequest, pieces: Iterator[str], name: str) -> StreamingHttpResponse:
    """The pieces (none of them empty) as a CSV file. Between two of them no database connection is kept."""
    content = _asynchronous(pieces) if isinstance(request, ASGIRequest) else pieces
    response = StreamingHttpResponse(content, content_type="text/csv; charset=utf-8")
    response["Content-Disposition"] = content_disposition_header(True, name)  # noqa: FBT003
    return response


async def _asynchronous(pieces: Iterator[str]) -> AsyncIterator[str]:
    following = sync_to_async(next_piece)
    while piece := await following(pieces):
        yield piece


def next_piece(pieces: Iterator[str]) -> str:
    """The next one, '' after the last. The connection goes back: a slow reader must not keep one of a dozen."""
    try:
        return next(pieces, "")
    finally:
        if not connection.in_atomic_block:
            connection.close()
