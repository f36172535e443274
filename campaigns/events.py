"""The inbox of what is said about calls: stored as it came first, believed after.

200 is owed to the commit of the raw event. It is applied right after, in the order of arrival per attempt; what a
process that died in between left is applied by `apply_leftovers`.
"""

import hashlib
import json
import logging
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from django.db import DatabaseError, connection, transaction
from django.db.models import F
from django.utils import timezone

from campaigns import failpoints, flow_facts, outcomes
from campaigns.exotel.fields import storable
from campaigns.lifecycle import IllegalTransition
from campaigns.models import CallAttempt, CallEvent, EventSource
from campaigns.outcomes import Statement

log = logging.getLogger(__name__)

# Whatever stops an event from being applied, it is stored, and the carrier is owed its 200.
NOT_APPLIED = (DatabaseError, IllegalTransition, LookupError, ValueError, TypeError, ArithmeticError)
LEFT_AFTER = timedelta(seconds=3)  # an event this old and not applied was left by a process that died
RAW_LENGTH = 65_536


@dataclass(frozen=True)
class Arrival:
    """Something said about a call, before anybody believes it."""

    source: str
    digest: str
    attempt_id: int | None = None
    account_id: int | None = None
    call_sid: str = ""
    said: Mapping[str, object] | None = None
    fields: Mapping[str, object] | None = None
    raw: str = ""
    content_type: str = ""
    note: str = ""
    applied: bool = False  # it was applied before it was stored


def digest_of(fields: Mapping[str, object]) -> str:
    return hashlib.sha256(json.dumps(fields, sort_keys=True, default=str).encode()).hexdigest()


def store(arrival: Arrival) -> bool:
    """Keep it, in its own transaction; False if the very same thing was stored before (then only counted)."""
    with transaction.atomic():
        known = CallAttempt.objects.filter(pk=arrival.attempt_id).exists() if arrival.attempt_id else False
        attempt_id = arrival.attempt_id if known else None
        note = arrival.note if known or arrival.attempt_id is None else "its attempt is gone"
        stored = _insert([_row(arrival, attempt_id, note)]) > 0
        if not stored:
            same = CallEvent.objects.filter(attempt_id=attempt_id, source=arrival.source, digest=arrival.digest)
            same.update(copies=F("copies") + 1)
    return stored


def store_new(arrivals: Sequence[Arrival]) -> None:
    """Keep several, of attempts that are locked by the caller; what was stored before is left as it is."""
    _insert([_row(arrival, arrival.attempt_id, arrival.note) for arrival in arrivals])


def _row(arrival: Arrival, attempt_id: int | None, note: str) -> list[object]:
    now = timezone.now()
    return [
        attempt_id,
        arrival.account_id,
        arrival.source,
        now,
        storable(arrival.call_sid)[:64],
        arrival.digest,
        json.dumps(dict(arrival.said or {}), default=str),
        json.dumps(dict(arrival.fields or {}), default=str),
        storable(arrival.raw)[:RAW_LENGTH],
        storable(arrival.content_type)[:200],
        storable(note)[:300],
        now if arrival.applied else None,
    ]


# Either unique index may conflict; the ORM's ignore_conflicts cannot say whether the row landed.
_INSERT = """
    INSERT INTO campaigns_callevent
        (attempt_id, account_id, source, received_at, call_sid, digest, said, fields, raw, content_type, copies, note,
         applied_at)
    VALUES ROWS ON CONFLICT DO NOTHING
"""
_ROW = "(%s, %s, %s, %s, %s, %s, %s, %s, %s, %s, 1, %s, %s)"


def _insert(rows: Sequence[Sequence[object]]) -> int:
    """How many of them landed."""
    values: list[Any] = [value for row in rows for value in row]
    with connection.cursor() as cursor:
        cursor.execute(_INSERT.replace("ROWS", ", ".join([_ROW] * len(rows))), values)
        landed: int = cursor.rowcount
    return landed


def apply_for(attempt_id: int) -> None:
    """Apply what is stored about one attempt and not applied yet, in the order of arrival."""
    with transaction.atomic():
        CallAttempt.objects.select_for_update().get(pk=attempt_id)
        waiting = CallEvent.objects.filter(attempt_id=attempt_id, applied_at__isnull=True)
        for event in waiting.order_by("received_at", "pk"):
            said = statement(event)
            note = outcomes.apply(attempt_id, said) if said else event.note
            if event.source == EventSource.PASSTHRU and said and not note:
                flow_facts.apply(attempt_id, event.said, event.received_at)
            CallEvent.objects.filter(pk=event.pk).update(applied_at=timezone.now(), note=note[:300])


def say(arrival: Arrival) -> None:
    """Store and apply. A failure to apply loses nothing: the event is stored, and the tick applies it."""
    failpoints.reach("webhook.received")
    if store(arrival) and arrival.attempt_id is not None:
        failpoints.reach("webhook.stored")
        surely_apply(arrival.attempt_id)
        failpoints.reach("webhook.applied")


def surely_apply(attempt_id: int) -> None:
    """Apply what can be applied now; what cannot is left to the tick, with a line in the log."""
    try:
        apply_for(attempt_id)
    except CallAttempt.DoesNotExist:
        return
    except NOT_APPLIED:
        log.warning("events of attempt %s are stored but not applied yet", attempt_id, exc_info=True)


def apply_leftovers() -> int:
    """Apply events that were stored by a process which died; returns how many attempts had some.

    One that cannot be applied must not hold up the others.
    """
    ids = list(
        CallEvent.objects.filter(
            applied_at__isnull=True, attempt__isnull=False, received_at__lt=timezone.now() - LEFT_AFTER
        )
        .values_list("attempt_id", flat=True)
        .distinct()[:200]
    )
    for attempt_id in ids:
        if attempt_id is not None:
            surely_apply(attempt_id)
    return len(ids)


def statement(event: CallEvent) -> Statement | None:
    """What a stored event says, in our words; None if it says nothing about how the call stands."""
    said = event.said
    if not said.get("status") and not said.get("answered"):
        return None
    return Statement(
        source=event.source,
        at=event.received_at,
        sid=event.call_sid,
        status=str(said.get("status", "")),
        answered=bool(said.get("answered")),
        numbers=tuple(said.get("numbers", ())),
        carrier_status=str(said.get("carrier_status", "")),
        talk_seconds=said.get("talk_seconds"),
        recording_url=str(said.get("recording_url", "")),
    )
