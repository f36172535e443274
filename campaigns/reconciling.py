"""Ask Exotel what became of calls: lost callbacks, unknown attempts, and provisional outcomes to confirm.

Questions share a tenth of the account's request budget (pacing.take_details_turn), so they never slow the dialing.
A question is one request; only a list that goes on over more pages takes more, and they are charged afterwards: the
next question waits for as many turns longer.

Calls with a Sid are asked for together, up to 20 a question. An unknown call has no Sid: it is looked for by number
and time, because the list carries no CustomField.

Open calls are asked about again and again (OPEN_EVERY), whatever was heard of them: a lost callback must not hold a
slot until the longest talk would be over. On an account with more open calls than its budget has questions for they
wait longer, in turn, and a quarter of each question stays for confirmations. The usual account (60 requests a minute,
four questions, 30 open calls) asks about each within a minute.
"""

import json
import logging
import time
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from django.db import transaction

from campaigns import events, holds, learning, outcomes, pacing, unanswered
from campaigns.dialing import UNUSABLE, client_for
from campaigns.events import Arrival
from campaigns.exotel.bodies import pick_text
from campaigns.exotel.client import SIDS_AT_ONCE, ExotelClient
from campaigns.exotel.details import CallDetails, CallList
from campaigns.exotel.errors import ExotelError, RateLimited
from campaigns.exotel.numbers import alike, canonical, same_number
from campaigns.exotel.sids import bare, same_sid, spellings
from campaigns.lifecycle import OPEN_ATTEMPTS, AttemptState
from campaigns.models import CallAttempt, EventSource, ExotelAccount
from campaigns.models.accounts import CREDENTIALS
from campaigns.outcomes import Statement

log = logging.getLogger(__name__)

LOOK = 0.05  # seconds between two looks whether it is the next question's turn
POST_TIME = timedelta(seconds=60)  # the longest between our intent and the stamp that Exotel gives the call
CLOCK_SLACK = timedelta(seconds=120)  # between our clock and Exotel's
OPEN_EVERY = timedelta(seconds=30)  # between questions about a call that goes on as far as we know
UNKNOWN_EVERY = 3  # questions, of which one may be about a call without a Sid while others wait
CONFIRMED_AT_LEAST = 5  # of the 20 calls of a question, if so many wait for it
ALONE_EVERY = 16  # questions about one call, of which one is about it alone: should lists never show it
AGAIN = (timedelta(seconds=10), timedelta(minutes=5))  # first and longest wait before the same question again
UNHEARD = (AttemptState.DIALING, AttemptState.UNKNOWN)  # nobody has said a word of the call
GIVE_UP = timedelta(days=1)  # after the proof time: a call that Exotel still calls in-progress is closed by us
SELDOM = timedelta(hours=6)  # between questions about a call that two calls of the list could be
MOST_CHECKS = 30_000  # odd and even still alternate below what the column holds
AGREED_FOR = 600.0  # seconds for which it counts what Exotel said of a known call
DISAGREED_FOR = 60.0  # the same, where that proves nothing: the known call may have gone on, which lists leave out


@dataclass(frozen=True)
class Control:
    """What Exotel's list said of a call that it surely placed for us: whether it is there with a stamp that agrees with
    our clock, and whether it carries the caller ID that we named, so that one that carries another is not ours."""

    at: float
    clock_agrees: bool = False
    same_caller: bool = False


# Heard by this process, by whom we asked and the known call's Sid. What another process has heard is asked for again.
_controls: dict[tuple[str, str], Control] = {}
_since_unknown: dict[int, int] = {}  # questions of this process, by account, since one about a call without a Sid


def reconcile_all() -> int:
    """One question for each account that has one due; returns how many were asked."""
    # Credentials are read with the first question: an account whose key was lost must not stop the others.
    return sum(reconcile(account) for account in ExotelAccount.objects.defer(*CREDENTIALS))


def reconcile_for(seconds: float) -> int:
    """Ask until nothing is due any more or the time is up; returns how many questions were asked.

    A fast account may ask more than one question a tick, and must: else confirmations pile up.
    """
    until, asked = time.monotonic() + seconds, 0
    while True:
        asked += reconcile_all()
        if time.monotonic() > until or not _anything_due():
            return asked
        time.sleep(LOOK)


def _anything_due() -> bool:
    return CallAttempt.objects.filter(check_at__lte=pacing.db_now()).exists()


def _due(account: ExotelAccount) -> list[CallAttempt]:
    """Whom to ask about, as many as one question takes: one call without a Sid, or up to 20 with one.

    Open calls come first: they hold slots and people. A quarter is for confirmations, which can wait, but not for ever;
    and while others wait every third question is about a call without a Sid, which takes it for itself.
    """
    rows = CallAttempt.objects.filter(account=account, check_at__lte=pacing.db_now()).order_by("check_at")
    still_open, ended = rows.filter(state__in=OPEN_ATTEMPTS), list(rows.exclude(state__in=OPEN_ATTEMPTS)[:SIDS_AT_ONCE])
    known = list(still_open.filter(sid__isnull=False)[: SIDS_AT_ONCE - min(len(ended), CONFIRMED_AT_LEAST)])
    unknown = still_open.filter(sid=None).first()
    if unknown and (not (known or ended) or _since_unknown.get(account.pk, UNKNOWN_EVERY) >= UNKNOWN_EVERY - 1):
        return [unknown]
    return [*known, *ended][:SIDS_AT_ONCE]


def reconcile(account: ExotelAccount) -> bool:
    """Ask the account's most urgent question, if its budget has room."""
    due = _due(account)
    if not due:
        return False
    with transaction.atomic():
        if not pacing.take_details_turn(account):
            return False
    try:
        client = client_for(account)
    except UNUSABLE as unusable:
        log.info("nobody is asked about calls of account %s: %s", account.pk, unusable)  # the dial loop holds it
        return False
    _since_unknown[account.pk] = 0 if due[0].sid is None else _since_unknown.get(account.pk, UNKNOWN_EVERY) + 1
    try:
        trouble = _ask(client, due)
    except RateLimited as limited:
        holds.back_off(account.pk, limited.retry_after)
    except ExotelError as failure:
        log.info("call details of %s: %s", account.name, failure)
        for attempt in due:
            _later(attempt)
        unanswered.note(account.pk, unanswered.words(failure))
    else:
        if trouble is not None:
            unanswered.note(account.pk, trouble)
    finally:
        pacing.charge_details(account, client.questions - 1)
        learning.heed(account.pk, client.allowance)
    return True


def _ask(client: ExotelClient, due: Sequence[CallAttempt]) -> str | None:
    """One question: about the call that waits longest, together with as many others as one list takes. Returns what
    came instead of an answer: '' if one did, None if that cannot be told.

    The list is known to leave ongoing calls out; the single question does not. So who was missing although the call
    must be over is asked about alone the next time.
    """
    first = due[0]
    if first.sid is None:
        _look_for(client, first)
        return ""
    if len(due) == 1 or _alone(first):
        details = client.call(first.sid)
        if details is None:
            return _missing(client, first)
        learn(first, details)
        return ""
    found = client.calls([attempt.sid for attempt in due if attempt.sid])
    for attempt in due:
        details = found.get(attempt.sid or "")
        learn(attempt, details) if details else _later(attempt)
    return ""


def _alone(attempt: CallAttempt) -> bool:
    """Whether one call is worth a question of its own now: that the list leaves an open one out says nothing."""
    if attempt.state in OPEN_ATTEMPTS and pacing.db_now() <= attempt.slot_expires_at:
        return attempt.checks % ALONE_EVERY == ALONE_EVERY - 1
    return bool(attempt.checks % 2)


def learn(attempt: CallAttempt, details: CallDetails) -> None:
    """What Exotel itself says. A call that goes on is asked about again."""
    now = pacing.db_now()
    over = details.status.terminal
    said = Statement(
        source=EventSource.DETAILS,
        at=now,
        sid=details.sid,
        status=details.status.value if over else "in-progress",
        carrier_status=pick_text(details.raw, "Status") if over else "",
        duration=details.duration if over else None,
        talk_seconds=details.conversation_duration if over else None,
        price=details.price,
        recording_url=details.recording_url or "",
        trusted=True,
    )
    with transaction.atomic():
        note = outcomes.apply(attempt.pk, said)
    if not over:
        note = note or _goes_on(attempt, now)
    events.store(
        Arrival(
            source=EventSource.DETAILS,
            digest=events.digest_of({"raw": details.raw}),
            attempt_id=attempt.pk,
            call_sid=details.sid,
            fields={"status": details.status.value, "duration": details.duration},
            raw=json.dumps(details.raw, default=str)[:4000],
            note=note,
            applied=True,
        )
    )


def _goes_on(attempt: CallAttempt, now: datetime) -> str:
    if now > attempt.proof_at + GIVE_UP:
        why = "Exotel still calls it in progress a day after it must have ended"
        outcomes.give_up(attempt.pk, f"{why}.")
        return f"{why}; nobody asks any more"
    _later(attempt)
    return "goes on"


def _missing(client: ExotelClient, attempt: CallAttempt) -> str | None:
    """Exotel does not know the Sid (any more, or yet): trouble only while the call is waited for."""
    if pacing.db_now() > attempt.proof_at and _late_there(client, attempt):
        outcomes.give_up(attempt.pk, "Exotel took this call and later did not know it; its outcome is not confirmed.")
        return None
    _later(attempt)
    return unanswered.NOT_KNOWN if attempt.state in OPEN_ATTEMPTS else None


def _look_for(client: ExotelClient, attempt: CallAttempt) -> None:
    """Find an unknown call in the list: one candidate is it, two are ambiguous, none counts only after proof_at.

    A list that lacks pages settles nothing: what is left out may be another candidate. Absence counts only beside a
    known call that a list of the same kind shows, with a stamp that agrees with our clock; that one is looked for
    first, which is a question of its own. A call with another caller ID is not ours, but counts against absence unless
    that known call carries the one we named.
    """
    late = pacing.db_now() > attempt.proof_at
    known = _nearest(attempt) if late and attempt.state in UNHEARD else None
    control = _heard_of(client, known) if known else None
    if known and control is None:
        _ask_control(client, known)  # still first in line: its list is the account's next question
        return
    listed = _listed(client, attempt)
    candidates = _ours(attempt, _candidates(attempt, listed), control)
    if listed.complete and len(candidates) == 1:
        learn(attempt, candidates[0])
    elif not late or not _late_there(client, attempt):
        _later(attempt)
    elif attempt.state not in UNHEARD:
        outcomes.give_up(attempt.pk, "A callback spoke of this call, and Exotel's call list does not show which it is.")
    elif listed.complete and not candidates and control and control.clock_agrees:
        outcomes.prove_absent(attempt.pk)
    else:
        _later(attempt)


def _listed(client: ExotelClient, attempt: CallAttempt) -> CallList:
    """Exotel's list of calls to the attempt's number, from about its time."""
    until = attempt.intent_at + POST_TIME + CLOCK_SLACK
    return client.calls_to(attempt.phone, since=attempt.intent_at - CLOCK_SLACK, until=until)


def _late_there(client: ExotelClient, attempt: CallAttempt) -> bool:
    """Whether it is late by Exotel's clock as well, if its answer told that: ours may have been set forward."""
    return client.clock is None or client.clock > attempt.proof_at - CLOCK_SLACK


def _candidates(attempt: CallAttempt, listed: CallList) -> list[CallDetails]:
    """Calls to this person at that time which belong to no other attempt."""
    first, last = attempt.intent_at - CLOCK_SLACK, attempt.intent_at + CLOCK_SLACK + POST_TIME
    sids = [
        call.sid
        for call in listed.calls
        if call.direction in ("", "outbound-api", "outbound-dial")
        and (call.created is None or first <= call.created <= last)
    ]
    spelled = [one for sid in sids for one in spellings(sid)]
    rows = CallAttempt.objects.filter(account_id=attempt.account_id, sid__in=spelled)
    bound = {bare(sid) for sid in rows.values_list("sid", flat=True) if sid}
    return [call for call in listed.calls if call.sid in sids and bare(call.sid) not in bound]


def _ours(attempt: CallAttempt, near: Sequence[CallDetails], control: Control | None) -> Sequence[CallDetails]:
    """Those with our caller ID; else those that name none. Those with another are somebody else's, on an account on
    which Exotel is not known to name another than we did."""
    same = [call for call in near if same_caller(attempt, call)]
    unsaid = [call for call in near if same_caller(attempt, call) is None]
    return same or unsaid or (near if control and not control.same_caller else [])


def same_caller(attempt: CallAttempt, call: CallDetails) -> bool | None:
    """Whether the call carries the attempt's caller ID, however spelled; None if it names none, or one so like it that
    it may be the same."""
    if same_number(attempt.caller_id, call.caller_id):
        return True
    return False if canonical(call.caller_id) and not alike(attempt.caller_id, call.caller_id) else None


def _ask_control(client: ExotelClient, control: CallAttempt) -> None:
    """Whether the list shows a call that Exotel surely placed, with the time at which we placed it and the caller ID.

    A list that is searched in the wrong zone, or for a number in a spelling that is not Exotel's, is empty and proves
    nothing. So absence counts only beside a known call of the same account, from about the same time, which the same
    question about its number finds. Asked for by its Sid it would show even where such a question finds nobody.
    """
    listed = _listed(client, control)
    details = next((call for call in listed.calls if same_sid(call.sid, control.sid)), None)
    heard = Control(time.monotonic())
    if details:
        agrees = details.created is not None and abs(details.created - control.intent_at) <= CLOCK_SLACK + POST_TIME
        heard = Control(heard.at, clock_agrees=agrees, same_caller=bool(same_caller(control, details)))
    for known, earlier in list(_controls.items()):
        if heard.at - earlier.at > AGREED_FOR:
            _controls.pop(known, None)
    _controls[client.reaches, control.sid or ""] = heard


def _heard_of(client: ExotelClient, control: CallAttempt) -> Control | None:
    """What Exotel said of that known call, if it was asked lately."""
    heard = _controls.get((client.reaches, control.sid or ""))
    counts = heard and time.monotonic() - heard.at <= (AGREED_FOR if heard.clock_agrees else DISAGREED_FOR)
    return heard if counts else None


def _nearest(attempt: CallAttempt) -> CallAttempt | None:
    """The call with a Sid that was placed nearest in time: the nearer of the one before and the one after."""
    known = CallAttempt.objects.filter(account_id=attempt.account_id, sid__isnull=False, placed_at__isnull=False)
    before = known.filter(intent_at__lte=attempt.intent_at).order_by("-intent_at", "-pk").first()
    after = known.filter(intent_at__gt=attempt.intent_at).order_by("intent_at", "pk").first()
    both = [one for one in (before, after) if one]
    return min(both, key=lambda one: abs(one.intent_at - attempt.intent_at), default=None)


def _later(attempt: CallAttempt) -> None:
    """Ask again: soon while the call may go on, else each time after a longer while; a day after the proof time only
    now and then, but never not at all."""
    now = pacing.db_now()
    rows = CallAttempt.objects.filter(pk=attempt.pk, check_at__isnull=False)
    rows.update(check_at=now + _wait(attempt, now), checks=min(attempt.checks + 1, MOST_CHECKS))


def _wait(attempt: CallAttempt, now: datetime) -> timedelta:
    if attempt.sid and attempt.state in OPEN_ATTEMPTS and now <= attempt.slot_expires_at:
        return OPEN_EVERY
    first, longest = AGAIN
    return SELDOM if now > attempt.proof_at + GIVE_UP else min(first * 2 ** min(attempt.checks, 10), longest)
