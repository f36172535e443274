"""Whether anybody dials at all: a mark that the dial tick leaves even when no campaign runs.

The mark of a loop (`Pacer.loop_seen_at`) says that somebody drives an account; this one says that a worker and the
clock are there to begin with, so that an idle installation can tell the two apart.
"""

from datetime import datetime, timedelta

from django.db import connection
from django.db.models import Max

from campaigns.models import Heartbeat, Pacer

DIAL = "dial"
EVERY = timedelta(seconds=10)  # a tick comes each second; it writes at most this often
THREADS_TAKEN = timedelta(seconds=15)  # a tick comes each second: without one for so long, no thread was free for it
GONE_AFTER = timedelta(seconds=45)  # without a sign for so long, nobody is there to dial

_BEAT = """
    INSERT INTO campaigns_heartbeat AS known (name, seen_at) VALUES (%s, clock_timestamp())
    ON CONFLICT (name) DO UPDATE SET seen_at = excluded.seen_at
    WHERE known.seen_at < excluded.seen_at - make_interval(secs => %s)"""


def beat(name: str = DIAL) -> None:
    """Somebody is at work now. Any number of processes may say so; it is written at most once in EVERY."""
    with connection.cursor() as cursor:
        cursor.execute(_BEAT, [name, EVERY.total_seconds()])


def worker_seen() -> datetime | None:
    """When a worker last gave a sign: a tick, or a loop that drives an account; None: never. Two queries.

    Loops count, because a worker whose threads all drive accounts has none left for a tick.
    """
    return max(filter(None, (tick_seen(), loop_seen())), default=None)


def loop_seen() -> datetime | None:
    """When a loop last drove an account; None: never."""
    seen: datetime | None = Pacer.objects.aggregate(seen=Max("loop_seen_at"))["seen"]
    return seen


def tick_seen() -> datetime | None:
    """When a tick last found a thread; None: never. While all threads drive accounts, none does."""
    return Heartbeat.objects.filter(name=DIAL).values_list("seen_at", flat=True).first()


def silent(name: str, longest: timedelta, now: datetime) -> bool:
    """Whether nobody has said for so long that it is at work on this."""
    return not Heartbeat.objects.filter(name=name, seen_at__gt=now - longest).exists()


def threads_taken(now: datetime) -> bool:
    """Whether workers are there, but all their threads drive accounts: loops give signs, and ticks find no thread."""
    loop, tick = loop_seen(), tick_seen()
    return tick is not None and loop is not None and now - loop < THREADS_TAKEN < now - tick


def gone(seen: datetime | None, now: datetime) -> bool:
    """Whether nobody is there to dial."""
    return seen is None or now - seen > GONE_AFTER
