"""The usual end of a POST, "accepted", for several at once: one transaction of four trips, however many there are.

Whatever is not usual (a callback was faster, the Sid is known, somebody holds the row) is left to `settling.settle`.
"""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

from django.db import IntegrityError, transaction

from campaigns import events, failpoints, holds, learning, pacing
from campaigns.events import Arrival
from campaigns.exotel.answers import Accepted, ConnectAnswer
from campaigns.lifecycle import ATTEMPT, AttemptState, sources
from campaigns.models import EventSource, Pacer
from campaigns.outcomes import LOOK_IN, RING_GRACE
from campaigns.statements import Statement, ask, either

# The person is in call since the intent, so only the attempt moves; from any other state there is more to do.
_PLACE = Statement(
    "place",
    """
    WITH answer AS (
        SELECT * FROM unnest(%(attempts)s, %(sids)s, %(statuses)s) AS said (id, sid, http_status)
    ), free AS (
        SELECT attempt.id FROM campaigns_callattempt AS attempt JOIN answer USING (id)
        WHERE attempt.state IN WAITING AND attempt.sid IS NULL
        FOR UPDATE OF attempt SKIP LOCKED
    ), placed AS (
        UPDATE campaigns_callattempt AS attempt
        SET state = 'placed', sid = answer.sid, http_status = answer.http_status, reason_code = '', reason = '',
            placed_at = %(now)s,
            check_at = %(now)s + least(attempt.ring_timeout * interval '1 second' + %(grace)s, %(look_in)s)
        FROM free JOIN answer USING (id) WHERE attempt.id = free.id
        RETURNING attempt.id, attempt.campaign_id
    ), counted AS (
        UPDATE campaigns_campaignpace AS pace SET accepted = accepted + calls, bad_requests_in_row = 0
        FROM (SELECT campaign_id, count(*) AS calls FROM placed GROUP BY campaign_id) AS one
        WHERE pace.campaign_id = one.campaign_id
    )
    SELECT id FROM placed""".replace("WAITING", either(sources(ATTEMPT, AttemptState.PLACED) & {AttemptState.DIALING})),
    attempts="bigint[]",
    sids="text[]",
    statuses="integer[]",
    now="timestamptz",
    grace="interval",
    look_in="interval",
)


def place(account_id: int, answers: Sequence[tuple[int, Accepted]]) -> set[int]:
    """Settle accepted POSTs of one account, by attempt; returns those of which nothing is left to do."""
    try:
        with transaction.atomic():
            pacer, now = pacing.lock_now(account_id)
            placed = _place(dict(answers), now)
            if placed:
                note_accepted(pacer, now, len(placed))
                for _, answer in answers:
                    learning.told(pacer, answer.rate, now)
                events.store_new([heard(pk, answer) for pk, answer in answers if pk in placed])
            failpoints.reach("settle.written")
    except IntegrityError:
        return set()  # one of the Sids belongs to another attempt: each is looked at by itself
    return placed


def _place(answers: Mapping[int, Accepted], now: datetime) -> set[int]:
    """Attempts that were placed just now; their campaigns count them."""
    rows = ask(
        _PLACE,
        attempts=list(answers),
        sids=[answer.sid for answer in answers.values()],
        statuses=[answer.http_status for answer in answers.values()],
        now=now,
        grace=RING_GRACE,
        look_in=LOOK_IN,
    )[0]
    return {pk for (pk,) in rows}


def note_accepted(pacer: Pacer, now: datetime, calls: int = 1) -> None:
    """The account is neither too fast nor out of reach (its pacer is locked by the caller)."""
    if pacer.backoff_seconds:
        pacer.backoff_seconds = 0
        pacer.save(update_fields=["backoff_seconds"])
    learning.quiet(pacer, now)
    for _ in range(calls):
        holds.note_certain(pacer)


def heard(attempt_id: int, answer: ConnectAnswer) -> Arrival:
    """The answer as it came, for the call's page. It is applied already."""
    kind = type(answer).__name__
    fields: dict[str, Any] = {
        "answer": kind,
        "http_status": getattr(answer, "http_status", None),
        "message": getattr(answer, "message", "") or getattr(answer, "reason", ""),
        "latency": round(getattr(answer, "latency", 0.0), 3),
    }
    return Arrival(
        source=EventSource.POST,
        digest=events.digest_of(fields),
        attempt_id=attempt_id,
        call_sid=getattr(answer, "sid", ""),
        fields=fields,
        raw=getattr(answer, "raw", ""),
        note=f"{kind}: {fields['message']}" if fields["message"] else kind,
        applied=True,
    )
