"""Step 3 of dialing: what the answer to our POST means for the attempt, the person, the campaign and the account.

Lock order: the account's pacer, then the attempt, then the campaign contact. Every write is conditional, so it does
not matter whether a callback was faster, or whether "the commit failed" was really "the commit succeeded".
"""

import itertools
import random
import re
from collections.abc import Callable, Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any

from django.db import transaction
from django.db.models import F

from campaigns import audit, breakers, events, failpoints, holds, learning, outcomes, pacing, placing
from campaigns.audit import DIALER
from campaigns.exotel.answers import Accepted, ConnectAnswer, NotSent, RefusalKind, Refused, Unknown
from campaigns.holds import Hold
from campaigns.lifecycle import (
    ATTEMPT,
    CAMPAIGN_CONTACT,
    AttemptState,
    ContactState,
    Outcome,
    advance,
)
from campaigns.models import AuditEntry, CallAttempt, CampaignContact, CampaignPace, EventSource, Pacer
from campaigns.outcomes import Statement

ASK_AFTER = timedelta(seconds=60)  # an unknown call is looked for in the list once it had time to appear there
NOT_SENT_PAUSE = timedelta(seconds=5)
BAD_REQUESTS_IN_ROW = 5
TOLD_AGAIN = timedelta(minutes=5)  # an account that is slowed down again within this time is not told of twice
REFUSED_TWICE = "refused-twice"
DIGITS_NAMED = 8  # the last digits of a number, which every spelling of it has
BACKOFF = (1, 60)  # seconds: after a 429 without Retry-After, doubled each time


def settle(attempt_id: int, answer: ConnectAnswer) -> None:
    """Apply the POST's answer, once or again, on time or late. One about an attempt that is gone is dropped."""
    with transaction.atomic():
        account_id = CallAttempt.objects.filter(pk=attempt_id).values_list("account_id", flat=True).first()
        if account_id is None:
            return  # the database was put back from a copy of before the call, while this process lived
        pacer = pacing.lock(account_id)
        attempt = CallAttempt.objects.select_for_update(of=("self",)).select_related("campaign").get(pk=attempt_id)
        now = pacing.db_now()
        if isinstance(answer, Accepted):
            _accepted(pacer, attempt, answer, now)
        elif isinstance(answer, Refused):
            _refused(pacer, attempt, answer, now)
        elif isinstance(answer, NotSent):
            _not_sent(pacer, attempt, answer, now)
        else:
            _unknown(pacer, attempt, answer, now)
        # Last: the wait that a 429 names in its headers must not make that 429 look like the echo of another.
        learning.told(pacer, getattr(answer, "rate", None), now)
        failpoints.reach("settle.written")
    failpoints.reach("settle.committed")
    events.store(placing.heard(attempt_id, answer))


def settle_all(account_id: int, answers: Sequence[tuple[int, ConnectAnswer]]) -> None:
    """The same for answers of one account that came together, in the order in which they came."""
    for _, run in itertools.groupby(answers, lambda one: isinstance(one[1], Accepted)):
        together = list(run)
        accepted = [(attempt_id, answer) for attempt_id, answer in together if isinstance(answer, Accepted)]
        placed = placing.place(account_id, accepted) if accepted else set()
        for attempt_id, answer in together:
            if attempt_id not in placed:
                settle(attempt_id, answer)


def mark_unknown(attempt_id: int, reason: str) -> bool:
    """A dead loop's intent: whether its POST left cannot be said. Used by the sweeper."""
    with transaction.atomic():
        attempt = CallAttempt.objects.select_for_update().get(pk=attempt_id)
        won = _to_unknown(attempt, Unknown(reason), pacing.db_now())
        failpoints.reach("sweep.written")
        return won


def _accepted(pacer: Pacer, attempt: CallAttempt, answer: Accepted, now: datetime) -> None:
    note = outcomes.apply(attempt.pk, Statement(source=EventSource.POST, at=now, sid=answer.sid, status="in-progress"))
    if note:
        # A Sid that belongs to another attempt: Exotel took something, and nobody can say what.
        _to_unknown(attempt, Unknown(note, answer.http_status), now)
    else:
        CallAttempt.objects.filter(pk=attempt.pk).update(http_status=answer.http_status)
    CampaignPace.objects.filter(pk=attempt.campaign_id).update(accepted=F("accepted") + 1, bad_requests_in_row=0)
    placing.note_accepted(pacer, now)


def _refused(pacer: Pacer, attempt: CallAttempt, answer: Refused, now: datetime) -> None:
    if not outcomes.refuse(attempt, answer.kind.value, answer.message, http_status=answer.http_status, now=now):
        return
    _REFUSALS[answer.kind](pacer, attempt, answer, now)
    if answer.kind != RefusalKind.RATE_LIMITED:
        holds.note_certain(pacer)


def _rate_limited(pacer: Pacer, attempt: CallAttempt, answer: Refused, now: datetime) -> None:
    """The whole account waits; the person was not called and is next again.

    Requests that were on their way when the first was refused are refused as well: they lengthen nothing, and a
    shorter Retry-After among them cuts nothing.
    """
    if _back_off(pacer, attempt, answer, now, ""):
        learning.too_fast(pacer, now)
    _note_slowed(pacer, "Exotel refused a call with 429, too fast; nobody was dialled.", now)
    outcomes.back_in_line(attempt, None, "")


def _no_room(pacer: Pacer, attempt: CallAttempt, answer: Refused, now: datetime) -> None:
    """Too many calls at once: all wait as after a 429, but the pace is not to blame, and the person is not either.

    The words are a guess (campaigns.exotel.capacity): who meets them twice stands behind the others, in case it is
    about them after all.
    """
    why = f"Exotel says that too many calls go on at once: “{answer.message[:200]}” Nobody was dialled by it."
    _back_off(pacer, attempt, answer, now, why)
    _note_slowed(pacer, "Exotel refused a call because too many go on at once; nobody was dialled.", now)
    outcomes.back_in_line(attempt, now if _met_before(attempt, answer) else None, "")


def _back_off(pacer: Pacer, attempt: CallAttempt, answer: Refused, now: datetime, why: str) -> bool:
    """The account waits, as long as Exotel says or longer each time; False for the echo of an earlier refusal."""
    low, high = BACKOFF
    until = pacing.backoff(pacer, now)
    fresh = until is None or attempt.intent_at >= until
    if fresh:
        pacer.backoff_seconds = min(max(pacer.backoff_seconds * 2, low), high)
    seconds = answer.retry_after or pacer.backoff_seconds * random.uniform(1.0, 1.3)  # noqa: S311 (spreads, guards nothing)
    pacer.backoff_until = max(until or now, now + timedelta(seconds=seconds))
    pacer.backoff_reason = why
    pacer.save(update_fields=["backoff_seconds", "backoff_until", "backoff_reason"])
    return fresh


def _note_slowed(pacer: Pacer, why: str, now: datetime) -> None:
    """Told among the campaign's events, once for each spell of it."""
    subject = f"account:{pacer.account_id}"
    if not AuditEntry.objects.filter(subject=subject, action="slowed", at__gt=now - TOLD_AGAIN).exists():
        audit.record(DIALER, "slowed", subject, reason=why)


def _account_refused(pacer: Pacer, attempt: CallAttempt, answer: Refused, now: datetime) -> None:
    """Key, credit, KYC, path: no call of this account can succeed until a person mends it.

    A 403 or a 404 may be about the number all the same, in words that nobody knows. So who met it stands behind the
    others; and who meets it again, although somebody has lifted the hold, is refused for themselves if Exotel took
    calls to others in between or names their number: that is their end, and the account is not held again.
    """
    doubtful = answer.kind in _PERHAPS_THE_PERSON
    if doubtful and _refused_alone(attempt, answer):
        why = f"Exotel refused this person twice, as nobody else: “{answer.message}”"
        _close_contact(attempt, ContactState.DONE, REFUSED_TWICE, why, now)
        breakers.number_refused(attempt, answer.message, now)
        return
    words = _MEND[answer.kind]
    outcomes.back_in_line(attempt, now if doubtful else None, "")
    holds.put(pacer, Hold(answer.kind.value, f"{words} Exotel says: “{answer.message}”", probes=False), now)


def _refused_alone(attempt: CallAttempt, answer: Refused) -> bool:
    """Whether a refusal that this person has met before is about them, and not about the account."""
    met = _met_before(attempt, answer)
    if met is None:
        return False
    if attempt.phone[-DIGITS_NAMED:] in re.sub(r"\D", "", answer.message):
        return True
    since = CallAttempt.objects.filter(account=attempt.account_id, intent_at__gt=met.ended_at)
    return since.filter(sid__isnull=False).exists()


def _met_before(attempt: CallAttempt, answer: Refused) -> CallAttempt | None:
    """The person's last attempt before this one that was refused in the same way."""
    earlier = CallAttempt.objects.filter(campaign_contact=attempt.campaign_contact_id, ordinal__lt=attempt.ordinal)
    return earlier.filter(state=AttemptState.REFUSED, reason_code=answer.kind.value).order_by("-ordinal").first()


def _ndnc(_pacer: Pacer, attempt: CallAttempt, answer: Refused, now: datetime) -> None:
    why = f"Exotel may not call this number (NDNC): {answer.message}"
    _close_contact(attempt, ContactState.SKIPPED, "ndnc", why, now)
    breakers.number_refused(attempt, answer.message, now)


def _invalid(_pacer: Pacer, attempt: CallAttempt, answer: Refused, now: datetime) -> None:
    """A bad number is that person's end; a bad campaign (nothing accepted yet, or five in a row) is held instead."""
    pace = CampaignPace.objects.select_for_update().get(pk=attempt.campaign_id)
    pace.bad_requests_in_row += 1
    pace.save(update_fields=["bad_requests_in_row"])
    first_ever = pace.accepted == 0
    if first_ever or pace.bad_requests_in_row >= BAD_REQUESTS_IN_ROW:
        # Behind the others: if it is this person's number after all, a resumed campaign must not meet it first again.
        outcomes.back_in_line(attempt, now, "")
        which = "the first request" if first_ever else f"{pace.bad_requests_in_row} requests in a row"
        check = "Check the caller ID, the campaign and the numbers of its list."
        reason = f"Exotel refused {which} of this campaign: “{answer.message}” {check}"
        holds.pause(attempt.campaign, reason, now)
        return
    _close_contact(attempt, ContactState.DONE, "invalid-request", f"Exotel refused: {answer.message}", now)
    breakers.number_refused(attempt, answer.message, now)


def _close_contact(attempt: CallAttempt, state: str, code: str, reason: str, now: datetime) -> None:
    """The refusal is this person's: it is the outcome of the attempt, and no further call is made."""
    CallAttempt.objects.filter(pk=attempt.pk).update(outcome=Outcome.REFUSED)
    rows = CampaignContact.objects.filter(pk=attempt.campaign_contact_id)
    said: dict[str, Any] = {
        "reason_code": code,
        "reason": reason[:300],
        "changed_at": now,
        "last_outcome": Outcome.REFUSED,
    }
    advance(rows, CAMPAIGN_CONTACT, state, **said)


def _not_sent(pacer: Pacer, attempt: CallAttempt, answer: NotSent, now: datetime) -> None:
    if outcomes.refuse(attempt, "not-sent", answer.reason, http_status=None, now=now):
        outcomes.back_in_line(attempt, now + NOT_SENT_PAUSE, f"Not sent: {answer.reason}", code="not-sent")
        if not answer.ours:
            holds.note_not_sent(pacer, answer.reason, now)


def _unknown(pacer: Pacer, attempt: CallAttempt, answer: Unknown, now: datetime) -> None:
    """Counts against the account only while nobody knows more: a callback may have been faster than our deadline."""
    if _to_unknown(attempt, answer, now):
        holds.note_unknown(pacer, answer.reason, now)


def _to_unknown(attempt: CallAttempt, answer: Unknown, now: datetime) -> bool:
    """Nobody dials this person until evidence says what became of the call."""
    won = advance(
        CallAttempt.objects.filter(pk=attempt.pk),
        ATTEMPT,
        AttemptState.UNKNOWN,
        reason_code="unknown",
        reason=answer.reason[:500],
        http_status=answer.http_status,
        check_at=now + ASK_AFTER,
    )
    if won:
        rows = CampaignContact.objects.filter(pk=attempt.campaign_contact_id)
        why = f"We cannot say whether the phone rang ({answer.reason}). Never dialled again by itself."
        advance(rows, CAMPAIGN_CONTACT, ContactState.UNCERTAIN, reason_code="unknown", reason=why[:300], changed_at=now)
    return bool(won)


_PERHAPS_THE_PERSON = frozenset({RefusalKind.FORBIDDEN, RefusalKind.NOT_FOUND})
_MEND: Mapping[RefusalKind, str] = {
    RefusalKind.UNAUTHORISED: "Exotel does not accept the API key and token (or the region is another).",
    RefusalKind.PAYMENT: "The Exotel account is out of credit.",
    RefusalKind.FORBIDDEN: "Exotel does not let this account call.",
    RefusalKind.NOT_FOUND: "Exotel does not know this account at this address: check the account SID and the region.",
}
_REFUSALS: Mapping[RefusalKind, Callable[[Pacer, CallAttempt, Refused, datetime], None]] = {
    RefusalKind.RATE_LIMITED: _rate_limited,
    RefusalKind.NO_ROOM: _no_room,
    RefusalKind.UNAUTHORISED: _account_refused,
    RefusalKind.PAYMENT: _account_refused,
    RefusalKind.FORBIDDEN: _account_refused,
    RefusalKind.NOT_FOUND: _account_refused,
    RefusalKind.NDNC: _ndnc,
    RefusalKind.INVALID_REQUEST: _invalid,
}
