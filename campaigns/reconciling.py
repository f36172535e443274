"""Ask Exotel what became of calls: lost callbacks, unknown attempts, and provisional outcomes to confirm.

Questions share a tenth of the account's request budget (pacing.take_details_turn), so they never slow the dialing.
Calls with a Sid are asked for together, up to 20 a question. An unknown call has no Sid: it is looked for by number
and time, because the list carries no CustomField.
"""

import logging
from collections.abc import Sequence
from datetime import datetime, timedelta

from django.db import transaction
from django.db.models import F
from django.db.models.functions import Abs, Extract

from campaigns import events, outcomes, pacing
from campaigns.dialing import client_for
from campaigns.events import Arrival
from campaigns.exotel.client import SIDS_AT_ONCE, ExotelClient
from campaigns.exotel.details import CallDetails, CallList
from campaigns.exotel.errors import ExotelError, RateLimited
from campaigns.models import CallAttempt, EventSource, ExotelAccount
from campaigns.outcomes import Statement

log = logging.getLogger(__name__)

POST_TIME = timedelta(seconds=60)  # the longest between our intent and the stamp that Exotel gives the call
CLOCK_SLACK = timedelta(seconds=120)  # between our clock and Exotel's
AGAIN = (timedelta(seconds=10), timedelta(minutes=5))  # first and longest wait before the same question again
GIVE_UP = timedelta(days=1)  # after the proof time: a call that Exotel still calls in-progress is closed by us


def reconcile_all() -> int:
    """One question for each account that has one due; returns how many were asked."""
    return sum(reconcile(account) for account in ExotelAccount.objects.all())


def reconcile(account: ExotelAccount) -> bool:
    """Ask the account's most urgent question, if its budget has room."""
    due = list(
        CallAttempt.objects.filter(account=account, check_at__lte=pacing.db_now()).order_by("check_at")[
            : SIDS_AT_ONCE * 2
        ]
    )
    if not due:
        return False
    with transaction.atomic():
        if not pacing.take_details_turn(account):
            return False
    client = client_for(account)
    try:
        _ask(client, due)
    except RateLimited as limited:
        _back_off(account, limited)
    except ExotelError as trouble:
        log.info("call details of %s: %s", account.name, trouble)
        for attempt in due:
            _later(attempt)
    return True


def _ask(client: ExotelClient, due: Sequence[CallAttempt]) -> None:
    first = due[0]
    if first.sid is None:
        _look_for(client, first)
        return
    known = [attempt for attempt in due if attempt.sid][:SIDS_AT_ONCE]
    if len(known) == 1:
        details = client.call(first.sid)
        _learn(first, details) if details else _missing(first)
        return
    found = client.calls([attempt.sid for attempt in known if attempt.sid])
    for attempt in known:
        details = found.get(attempt.sid or "")
        if details:
            _learn(attempt, details)
        else:
            # The list is known to leave ongoing calls out; the single question does not.
            _later(attempt)
    if not found:
        details = client.call(first.sid)
        _learn(first, details) if details else _missing(first)


def _learn(attempt: CallAttempt, details: CallDetails) -> None:
    """What Exotel itself says. A call that goes on is asked about again."""
    with transaction.atomic():
        now = pacing.db_now()
        said = Statement(
            source=EventSource.DETAILS,
            at=now,
            sid=details.sid,
            status=details.status.value,
            carrier_status=details.status.value,
            duration=details.duration,
            talk_seconds=details.conversation_duration,
            price=details.price,
            recording_url=details.recording_url or "",
            trusted=True,
        )
        note = outcomes.apply(attempt.pk, said) if details.status.terminal else _goes_on(attempt, now)
    events.store(
        Arrival(
            source=EventSource.DETAILS,
            digest=events.digest_of({"raw": details.raw}),
            attempt_id=attempt.pk,
            call_sid=details.sid,
            fields={"status": details.status.value, "duration": details.duration},
            raw=str(details.raw)[:4000],
            note=note,
            applied=True,
        )
    )


def _goes_on(attempt: CallAttempt, now: datetime) -> str:
    if now > attempt.proof_at + GIVE_UP:
        said = Statement(source=EventSource.DIALER, at=now, status="failed", trusted=True)
        outcomes.apply(attempt.pk, said)
        return "Exotel still calls it in progress a day after it must have ended; closed as failed"
    _later(attempt)
    return "goes on"


def _missing(attempt: CallAttempt) -> None:
    """Exotel does not know the Sid (any more, or yet)."""
    now = pacing.db_now()
    if now > attempt.proof_at:
        with transaction.atomic():
            said = Statement(source=EventSource.DIALER, at=now, sid=attempt.sid or "", status="failed", trusted=True)
            outcomes.apply(attempt.pk, said)
            what = "Exotel took this call and later did not know it; its outcome is not known."
            CallAttempt.objects.filter(pk=attempt.pk).update(contradiction=what)
        return
    _later(attempt)


def _look_for(client: ExotelClient, attempt: CallAttempt) -> None:
    """Find an unknown call in the list: one candidate is it, two are ambiguous, none counts only after proof_at."""
    until = attempt.intent_at + POST_TIME + CLOCK_SLACK
    listed = client.calls_to(attempt.phone, since=attempt.intent_at - CLOCK_SLACK, until=until)
    candidates = _candidates(attempt, listed)
    if len(candidates) == 1:
        _found(attempt, candidates[0])
    elif not candidates and listed.complete and pacing.db_now() > attempt.proof_at and _clocks_agree(client, attempt):
        outcomes.prove_absent(attempt.pk)
    else:
        _later(attempt)


def _candidates(attempt: CallAttempt, listed: CallList) -> list[CallDetails]:
    """Calls to this person at that time which belong to no other attempt."""
    first, last = attempt.intent_at - CLOCK_SLACK, attempt.intent_at + CLOCK_SLACK + POST_TIME
    sids = [
        call.sid
        for call in listed.calls
        if call.direction in ("", "outbound-api", "outbound-dial")
        and (call.created is None or first <= call.created <= last)
    ]
    bound = set(CallAttempt.objects.filter(account_id=attempt.account_id, sid__in=sids).values_list("sid", flat=True))
    return [call for call in listed.calls if call.sid in sids and call.sid not in bound]


def _clocks_agree(client: ExotelClient, attempt: CallAttempt) -> bool:
    """Whether a call that Exotel surely placed carries the time at which we placed it.

    A list that is searched in the wrong zone is empty and proves nothing. So absence counts only beside a known call
    of the same account, from about the same time, whose stamp agrees with our clock.
    """
    known = CallAttempt.objects.filter(account_id=attempt.account_id, sid__isnull=False, placed_at__isnull=False)
    control = known.order_by(Abs(Extract(F("intent_at") - attempt.intent_at, "epoch"))).first()
    if control is None or control.sid is None:
        return False
    details = client.call(control.sid)
    return bool(details and details.created and abs(details.created - control.intent_at) <= CLOCK_SLACK + POST_TIME)


def _found(attempt: CallAttempt, details: CallDetails) -> None:
    with transaction.atomic():
        placed = Statement(source=EventSource.DETAILS, at=pacing.db_now(), sid=details.sid, status="in-progress")
        note = outcomes.apply(attempt.pk, placed)
    if not note:
        _learn(attempt, details)


def _later(attempt: CallAttempt) -> None:
    """Ask again, each time after a longer while."""
    first, longest = AGAIN
    wait = min(first * 2 ** min(attempt.checks, 10), longest)
    rows = CallAttempt.objects.filter(pk=attempt.pk, check_at__isnull=False)
    rows.update(check_at=pacing.db_now() + wait, checks=attempt.checks + 1)


def _back_off(account: ExotelAccount, limited: RateLimited) -> None:
    with transaction.atomic():
        pacer = pacing.lock(account.pk)
        pacer.backoff_until = pacing.db_now() + timedelta(seconds=limited.retry_after or 5)
        pacer.save(update_fields=["backoff_until"])
