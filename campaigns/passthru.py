"""What a flow asks and tells by itself: the Passthru applet, and the dynamic address of its stream.

Both addresses are typed into the flow once for all calls, so they bear the account's token. The raw request is stored
first and believed after; Passthru is answered within DEADLINE whatever the database does, because a person waits on
the line and Exotel reads anything but 200 and 302 as trouble (exotel-wire 3).
"""

import hashlib
import json
import logging
import threading
import time
from collections.abc import Callable, Iterable, Iterator, Mapping
from concurrent.futures import Future, ThreadPoolExecutor
from concurrent.futures import TimeoutError as TooSlow
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import timedelta
from typing import TypeVar

from django.db import DatabaseError, IntegrityError, InterfaceError, connection, connections, transaction

from campaigns import account_tokens, addresses, events, intents, matching, pacing
from campaigns.events import Arrival
from campaigns.exotel.callbacks import PassthruReport, parse_passthru
from campaigns.exotel.errors import Unreadable
from campaigns.exotel.fields import field as field_of
from campaigns.exotel.sids import bare, spellings
from campaigns.lifecycle import OPEN_ATTEMPTS
from campaigns.matching import Match
from campaigns.models import CallAttempt, CallEvent, EventSource, PassthruBranch
from campaigns.tokens import Purpose

log = logging.getLogger(__name__)

T = TypeVar("T")

DEADLINE = 0.7  # seconds until a Passthru is answered, whatever the database does
STREAM_DEADLINE = 3.0  # seconds until a stream's address is: Exotel gives a handshake ten
EARLY = 2.0  # seconds for our own POST's answer to bring the CallSid
LOOK_EVERY = 0.2
STATEMENT_MS = 2000  # per statement: a hung database must not keep the threads
ADOPT_WITHIN = timedelta(minutes=15)
TROUBLE = (DatabaseError, InterfaceError)
OLD_TOKEN = "its address bears a token that was rotated"  # noqa: S105 (a note, no secret)

_workers = ThreadPoolExecutor(8, thread_name_prefix="flow")
_room = threading.BoundedSemaphore(200)  # requests of flows under way; the rest is answered unread
_patience = threading.BoundedSemaphore(16)  # requests that wait for a POST's answer; the rest is unmatched at once


class NoAddress(Exception):
    """There is no stream for this call; the words say why."""


@dataclass(frozen=True)
class Telling:
    """A flow's request as read: `report` is None if nobody can read it, and `note` says why."""

    account_id: int
    version: int
    source: EventSource
    digest: str
    report: PassthruReport | None
    raw: str = field(repr=False)
    content_type: str = ""
    note: str = ""


@dataclass(frozen=True)
class Kept:
    """What became of a request: its attempt, and whether a later look may find one. `branch_b`: answer 302."""

    attempt_id: int | None
    early: bool = False
    branch_b: bool = False
    note: str = ""


def read(
    token: tuple[int, int], source: EventSource, pairs: Iterable[tuple[str, str]], *, raw: str, content_type: str = ""
) -> Telling:
    """The request that the parameters make; never raises."""
    account_id, version = token
    try:
        report = parse_passthru(pairs)
    except Unreadable as unreadable:
        digest = hashlib.sha256(f"{account_id}|{raw}".encode("utf-8", "replace")).hexdigest()
        return Telling(account_id, version, source, digest, None, raw, content_type, f"unreadable: {unreadable}")
    digest = events.digest_of({"account": account_id, "fields": report.digest})
    return Telling(account_id, version, source, digest, report, raw, content_type)


# ---------------------------------------------------------------------------------------------------------- passthru
def hear(telling: Telling) -> bool:
    """Keep a Passthru and say whether the flow takes branch B (302). Never raises, and never waits for long.

    What cannot be kept in time is still kept when the database comes back to it; the answer then is branch A.
    """
    try:
        kept = _within(DEADLINE, lambda: _keep(telling, "passthru"))
    except (TooSlow, *TROUBLE) as trouble:
        log.error("a Passthru was answered before it was stored: %s", type(trouble).__name__)
        return False
    if kept.early:
        kept = _wait_for_call(telling, kept)
    return kept.branch_b


def takes_branch_b(attempt_id: int) -> bool:
    """Whether the campaign's condition on the bot's result holds for this call."""
    attempt = CallAttempt.objects.select_related("campaign").get(pk=attempt_id)
    wanted = attempt.campaign.passthru_branch
    if wanted == PassthruBranch.NEVER:
        return False
    if wanted == PassthruBranch.NOTHING:
        return not attempt.disposition
    if wanted == PassthruBranch.RESULT:
        result = attempt.campaign.passthru_result.strip().casefold()
        return bool(result) and result in (attempt.disposition.casefold(), attempt.disposition_key.casefold())
    return attempt.disposition_kind == wanted


# ---------------------------------------------------------------------------------------------------- dynamic streams
def stream_address(telling: Telling) -> str:
    """The wss address of the bot for the call that the flow asks for. Raises NoAddress, TooSlow or a database error."""
    kept = _within(STREAM_DEADLINE, lambda: _keep(telling, "dynamic-stream"))
    if kept.early:
        kept = _wait_for_call(telling, kept)
    if kept.attempt_id is None:
        raise NoAddress(kept.note or matching.UNKNOWN_CALL)
    attempt_id = kept.attempt_id
    return _within(STREAM_DEADLINE, lambda: _address_for(attempt_id))


def _address_for(attempt_id: int) -> str:
    attempt = CallAttempt.objects.select_related("campaign", "campaign_contact").get(pk=attempt_id)
    if attempt.state not in OPEN_ATTEMPTS:
        raise NoAddress("the call is over")
    if not attempt.campaign.bot:
        raise NoAddress("its campaign has no bot")
    # Each asking opens one stream: a flow may come by its Voicebot twice.
    return addresses.stream(
        attempt.pk,
        attempt.campaign.sample_rate,
        intents.stream_parameters(attempt.campaign, attempt.campaign_contact),
        ordinal=attempt.streams.count() + 1,
    )


# ------------------------------------------------------------------------------------------------- keep, match, apply
def _keep(telling: Telling, purpose: Purpose) -> Kept:
    """Store the request, commit, then believe it. Runs in a worker thread."""
    with _bounded():
        if account_tokens.check(purpose, telling.account_id, telling.version) is None:
            return Kept(None, note=OLD_TOKEN)
        match = _match(telling)
        stored = events.store(_arrival(telling, match))
    return _believed(match, anew=stored)


def _believed(match: Match, *, anew: bool) -> Kept:
    if match.attempt_id is None:
        return Kept(None, match.early, note=match.note)
    with _bounded():
        if anew:
            events.surely_apply(match.attempt_id)
        return Kept(match.attempt_id, branch_b=takes_branch_b(match.attempt_id))


def _match(telling: Telling) -> Match:
    report = telling.report
    if report is None:
        return Match(None, telling.note)
    match = matching.find(telling.account_id, [report.custom_field, *report.fields], report.call_sid)
    # Nobody dialled a caller: no POST's answer will come for it.
    return Match(None, match.note) if match.early and report.direction.lower() == "incoming" else match


def _arrival(telling: Telling, match: Match) -> Arrival:
    report = telling.report
    return Arrival(
        source=telling.source,
        digest=telling.digest,
        attempt_id=match.attempt_id,
        account_id=telling.account_id,
        call_sid=report.call_sid if report else "",
        said=_said(report) if report else {},
        fields=dict(report.fields) if report else {},
        raw=telling.raw,
        content_type=telling.content_type,
        note=match.note,
    )


def _said(report: PassthruReport) -> Mapping[str, object]:
    """The request in our words: the flow runs, so somebody picked up. The rest is for campaigns.flow_facts."""
    ends = [field_of(report.fields, name) for name in ("CallFrom", "CallTo", "From", "To")]
    stream = report.stream
    said: dict[str, object] = {
        "status": "in-progress",
        "answered": True,
        "numbers": [number for number in ends if number],
        "digits": report.digits,
        "recording_url": report.recording_url or (stream.recording_url if stream else "") or "",
        "before_stream": field_of(report.fields, "EventType").lower() == "stream-start",
    }
    if stream:
        said["stream"] = {
            "sid": stream.sid,
            "status": stream.status,
            "seconds": stream.duration,
            "ended_by": stream.ended_by.value,
            "error": stream.error[:300],
            "detailed_status": stream.detailed_status[:100],
        }
    return said


# ------------------------------------------------------------------------------------------------ what came too early
def _wait_for_call(telling: Telling, kept: Kept) -> Kept:
    """Look for the CallSid until our POST's answer has brought it, or EARLY is over."""
    if not _patience.acquire(blocking=False):
        return kept
    try:
        until = time.monotonic() + EARLY
        while kept.attempt_id is None and time.monotonic() < until:
            time.sleep(LOOK_EVERY)
            kept = _within(DEADLINE, lambda: _look_again(telling))
    except (TooSlow, *TROUBLE) as trouble:
        log.warning("the wait for a CallSid ended early: %s", type(trouble).__name__)
    finally:
        _patience.release()
    return kept


def _look_again(telling: Telling) -> Kept:
    with _bounded():
        match = _match(telling)
        if match.attempt_id is not None:
            waiting = CallEvent.objects.filter(attempt=None, source=telling.source, digest=telling.digest)
            _adopt(waiting.values_list("pk", flat=True), match.attempt_id)
    return _believed(match, anew=True)


def _adopt(event_ids: Iterable[int], attempt_id: int) -> None:
    """Give events to the attempt that they turned out to be about."""
    for event_id in event_ids:
        try:
            with transaction.atomic():
                CallEvent.objects.filter(pk=event_id, attempt=None).update(attempt_id=attempt_id, note="")
        except IntegrityError:  # the same came again meanwhile, and was matched at once
            continue


def adopt_late() -> int:
    """Requests whose CallSid nobody knew in time, and somebody knows now; returns how many. The tick applies them."""
    since = pacing.db_now() - ADOPT_WITHIN
    waiting = CallEvent.objects.filter(attempt=None, received_at__gt=since, note=matching.UNKNOWN_CALL)
    rows = list(waiting.exclude(call_sid="").values_list("pk", "account_id", "call_sid")[:500])
    if not rows:
        return 0
    calls = CallAttempt.objects.filter(sid__in={spelled for _, _, sid in rows for spelled in spellings(sid)})
    known = {(account, bare(sid)): pk for pk, account, sid in calls.values_list("pk", "account_id", "sid") if sid}
    found = [(event_id, known[account, bare(sid)]) for event_id, account, sid in rows if (account, bare(sid)) in known]
    for event_id, attempt_id in found:
        _adopt([event_id], attempt_id)
    return len(found)


# ------------------------------------------------------------------------------------------------------------ in time
@contextmanager
def _bounded() -> Iterator[None]:
    """A transaction none of whose statements takes long."""
    with transaction.atomic():
        with connection.cursor() as cursor:
            cursor.execute(f"SET LOCAL statement_timeout = {STATEMENT_MS}")
            cursor.execute(f"SET LOCAL lock_timeout = {STATEMENT_MS}")
        yield


def _within(seconds: float, work: Callable[[], T]) -> T:
    """The work's result, if a worker thread has it in time; raises TooSlow. What is late goes on by itself.

    A thread of its own, because a pool without a free connection and a server that is gone keep one waiting for
    longer than a flow does.
    """
    if not _room.acquire(blocking=False):
        raise TooSlow
    future: Future[T] = _workers.submit(_returning_connection, work)
    future.add_done_callback(lambda _: _room.release())
    return future.result(seconds)


def _returning_connection(work: Callable[[], T]) -> T:
    try:
        return work()
    finally:
        connections.close_all()


def raw_of(query: str, body: bytes) -> str:
    """The request's own words, as kept."""
    text = body.decode("utf-8", "replace")
    return json.dumps({"query": query, "body": text}) if text and query else text or query
