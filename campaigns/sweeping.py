"""What must not wait for anybody: intents of dead loops, slots past their time, streams of dead processes."""

from datetime import timedelta

from django.db import connection
from django.db.models import F

from campaigns import pacing, settling
from campaigns.lifecycle import OPEN_ATTEMPTS, AttemptState
from campaigns.models import CallAttempt, Stream
from campaigns.pacing import OWNER_LOCK

DIED = "the process that dialled died before it heard the answer"

# Intents whose owner's lock is free. A frozen owner still holds its lock, so this is never decided by the clock.
_ORPHANS = """
    SELECT id FROM campaigns_callattempt a WHERE state = 'dialing' AND NOT EXISTS (
        SELECT 1 FROM pg_locks l WHERE l.locktype = 'advisory' AND l.classid = %s AND l.objid = a.owner
        AND l.database = (SELECT oid FROM pg_database WHERE datname = current_database())
        AND l.mode = 'ExclusiveLock' AND l.granted)
    LIMIT 500
"""


def sweep_orphans() -> int:
    """Intents that a dead loop left in *dialing* become *unknown*; returns how many."""
    with connection.cursor() as cursor:
        cursor.execute(_ORPHANS, [OWNER_LOCK])
        orphans = [row[0] for row in cursor.fetchall()]
    return sum(settling.mark_unknown(attempt_id, DIED) for attempt_id in orphans)


def expire_slots() -> int:
    """Slots whose call must be over (ring timeout and TimeLimit have passed) are free; returns how many."""
    now = pacing.db_now()
    return CallAttempt.objects.filter(slot_released_at__isnull=True, slot_expires_at__lt=now).update(
        slot_released_at=now, slot_evidence="expired"
    )


def close_dead_streams() -> int:
    """Streams that stayed open in the table although their call is long over: their process died."""
    now = pacing.db_now()
    over = Stream.objects.filter(closed_at__isnull=True).exclude(attempt__state__in=OPEN_ATTEMPTS)
    return over.filter(attempt__ended_at__lt=now - timedelta(seconds=30)).update(
        closed_at=now, closed_by="server", close_reason="the media process ended without closing it"
    )


def ask_about_silent_calls() -> int:
    """A placed or answered call that nobody asks about any more is asked about: nothing may stay open for ever."""
    return CallAttempt.objects.filter(
        state__in=(AttemptState.PLACED, AttemptState.ANSWERED, AttemptState.UNKNOWN), check_at__isnull=True
    ).update(check_at=F("slot_expires_at"))
