"""Streams at an address that stands in the flow: the socket names the account, the start event names the call."""

import base64
import binascii
import hmac
from dataclasses import asdict

from django.db import transaction

from campaigns import account_tokens, events, matching, streams, tokens
from campaigns.events import Arrival
from campaigns.matching import Match
from campaigns.models import CallAttempt, EventSource, Stream
from campaigns.streams import FORGED, UNMATCHED, USED, StreamGrant, StreamRefused, StreamStart

MOST_STREAMS = 20  # of one call


class NotYet(Exception):
    """Nobody knows this CallSid, but our own POST's answer may bring it: ask again."""


def admit(token: str, authorization: str) -> int:
    """The account whose address this is, before the socket is accepted. Raises StreamRefused.

    `authorization` is the handshake's header, asked for if the token has a password.
    """
    try:
        account_id, version = account_tokens.read("static-stream", token)
    except tokens.Forged:
        raise StreamRefused(FORGED, "the token is not ours") from None
    token_in_use = account_tokens.check("static-stream", account_id, version)
    if token_in_use is None:
        raise StreamRefused(FORGED, "the token was rotated")
    if token_in_use.password and not _knows(token_in_use.password, authorization):
        raise StreamRefused(FORGED, "the user name and password are not ours")
    return account_id


def _knows(password: str, authorization: str) -> bool:
    scheme, _, given = authorization.partition(" ")
    try:
        shown = base64.b64decode(given.strip(), validate=True) if scheme.lower() == "basic" else b""
    except (binascii.Error, ValueError):
        shown = b""
    return hmac.compare_digest(shown, f"{account_tokens.USER_NAME}:{password}".encode())


def open_static(account_id: int, start: StreamStart, *, give_up: bool = True) -> StreamGrant:
    """The stream of the call that the start event names. Raises StreamRefused, or NotYet unless `give_up`.

    What is refused is kept as an unmatched event with its raw start.
    """
    match = matching.find(account_id, streams.texts(start), start.call_sid)
    if match.attempt_id is None:
        if match.early and not give_up:
            raise NotYet
        _keep(account_id, start, match)
        raise StreamRefused(UNMATCHED, match.note)
    with transaction.atomic():
        attempt = streams.open_attempt(match.attempt_id)
        _check_single(attempt, start)
        stream = Stream.objects.create(
            attempt=attempt, stream_sid=start.stream_sid[:64], sample_rate=attempt.campaign.sample_rate
        )
    return streams.grant(stream, attempt)


def _check_single(attempt: CallAttempt, start: StreamStart) -> None:
    """The address opens any number of streams, so what makes one single is the stream's own id, and one at a time."""
    known = list(attempt.streams.values_list("stream_sid", "closed_at"))
    if any(sid == start.stream_sid[:64] for sid, _ in known if sid):
        raise StreamRefused(USED, "this stream was here before")
    if any(closed_at is None for _, closed_at in known):
        raise StreamRefused(USED, "the call has a stream open")
    if len(known) >= MOST_STREAMS:
        raise StreamRefused(USED, f"the call had {MOST_STREAMS} streams")


def _keep(account_id: int, start: StreamStart, match: Match) -> None:
    events.store(
        Arrival(
            source=EventSource.STREAM,
            digest=events.digest_of({"account": account_id, "stream": start.stream_sid, "raw": start.raw}),
            account_id=account_id,
            call_sid=start.call_sid,
            fields=asdict(start) | {"raw": ""},
            raw=start.raw,
            note=match.note,
        )
    )
