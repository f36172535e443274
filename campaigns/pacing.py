"""How fast an account may dial, and how many calls may be open: granted inside the intent's transaction.

GCRA without burst: a row holds the earliest instant of the next request. Granting moves it one step on; idle time
earns nothing. An intent is written up to AHEAD before its turn, and its request leaves at the turn: so a loop that is
kept from a core or waits for the disk for a moment loses no turn, and needs no leave to hurry after. The clock is the
database's, read after the pacer row is locked.
"""

from collections.abc import Mapping
from datetime import datetime, timedelta

from django.db import DEFAULT_DB_ALIAS, connection, transaction

from campaigns.exotel.answers import LONGEST_WAIT
from campaigns.models import ExotelAccount, Pacer
from campaigns.statements import Rows, Statement, ask

DIAL_SHARE = 0.9  # of the account's requests a minute; the rest is kept for call details
FEWEST_QUESTIONS = 0.5  # a minute
MOST_OWED = 20  # questions asked beyond their turn: the longest list has as many pages
OWNER_LOCK = 77  # pg advisory lock (77, owner): held by a dial loop's own connection while it lives
ACCOUNT_LOCK = 78  # pg advisory lock (78, account): who drives the account
AHEAD = timedelta(milliseconds=60)  # a commit, a thread and a connection take less on a machine that is not overloaded
AIM = 0.995  # of a pace by the second: requests take their time to leave, and no more than n + 1 may meet in a second
FURTHEST = timedelta(seconds=120)  # a turn later than this means that the clock was set back
LONGEST_BACKOFF = timedelta(seconds=LONGEST_WAIT)
LONGEST_REST = timedelta(seconds=240)  # between calls that try whether an outage is over; each may cost a person
JUST_NOW = timedelta(seconds=1)
_LONGEST = {  # how far ahead of the clock each may be written
    "backoff_until": LONGEST_BACKOFF,
    "probe_at": LONGEST_REST,
    "slowed_at": JUST_NOW,
    "learnt_at": JUST_NOW,
    "told_at": JUST_NOW,
    "loop_seen_at": JUST_NOW,
}
CLOCK = "clock_timestamp()"  # SQL: the database's wall clock, now (not the transaction's start)

# Whether nobody could share the lock of the loop `owner`: it lives. If one could, the loop is dead, and the share ends
# with this transaction. Far cheaper than a look into pg_locks, which is for housekeeping.
OWNER_ALIVE = "NOT pg_try_advisory_xact_lock_shared(%(owners)s, %(owner)s)"
_PACER = [one.attname for one in Pacer._meta.concrete_fields]
LOCK = Statement(
    "pacer_lock",
    "SELECT " + ", ".join(_PACER) + " FROM campaigns_pacer WHERE account_id = %(account)s FOR UPDATE",  # noqa: S608
    account="bigint",
)
SLOTS_USED = Statement(
    "slots_used",
    """
    SELECT campaign_id, count(*) FROM campaigns_callattempt
    WHERE account_id = %(account)s AND slot_released_at IS NULL GROUP BY campaign_id""",
    account="bigint",
)


def lock(account_id: int) -> Pacer:
    """The account's pacer row, locked: the first statement of every intent, pause, edit and hold."""
    return pacer_of(ask(LOCK, account=account_id)[0])


def lock_now(account_id: int) -> tuple[Pacer, datetime]:
    """The same, and the clock after that, in one trip."""
    pacers, clock = ask(LOCK, f"SELECT {CLOCK}", account=account_id)
    return mended(pacer_of(pacers), clock[0][0]), clock[0][0]


def pacer_of(rows: Rows) -> Pacer:
    """What LOCK gave. Raises Pacer.DoesNotExist."""
    if not rows:
        raise Pacer.DoesNotExist
    return Pacer.from_db(DEFAULT_DB_ALIAS, _PACER, rows[0])


def mended(pacer: Pacer, now: datetime) -> Pacer:
    """The locked row, with times that a clock which was set back since has left too far ahead put to `now`.

    Written at once: else they would be believed again when the clock comes near them.
    """
    ahead = [name for name, longest in _LONGEST.items() if (at := getattr(pacer, name)) and at > now + longest]
    if ahead:
        for name in ahead:
            setattr(pacer, name, now)
        pacer.save(update_fields=ahead)
    return pacer


def db_now() -> datetime:
    """The database's wall clock, now (not the transaction's start)."""
    now: datetime = ask(f"SELECT {CLOCK}")[0][0][0]
    return now


def allowed(account: ExotelAccount, pacer: Pacer | None = None) -> int:
    """Requests a minute: what the account is set to, or fewer where Exotel wants fewer (see `campaigns.learning`)."""
    bounds = (pacer.learnt_per_minute, pacer.told_per_minute) if pacer else ()
    return max(min([account.calls_per_minute, *(one for one in bounds if one)]), 1)


def dial_step(account: ExotelAccount, pacer: Pacer | None = None) -> timedelta:
    """Time between two dials of the account."""
    return timedelta(seconds=dial_seconds(account, pacer))


def dial_seconds(account: ExotelAccount, pacer: Pacer | None = None) -> float:
    """The same, not rounded."""
    return 60 / (DIAL_SHARE * allowed(account, pacer))


def details_step(account: ExotelAccount, pacer: Pacer | None = None) -> timedelta:
    """Time between two questions about calls: two a minute fewer than are left, because a minute may begin with a dial
    and a question, and end with them."""
    return timedelta(seconds=60 / max((1 - DIAL_SHARE) * allowed(account, pacer) - 2, FEWEST_QUESTIONS))


def step(per_second: float) -> timedelta:
    """Time between two of so many requests a second."""
    return timedelta(seconds=1 / (AIM * per_second))


def turn(next_at: datetime, now: datetime, step: timedelta, *, furthest: int = 2) -> datetime:
    """When the next request may go; `now` or earlier means at once. A stored turn from a faster clock is cut: one that
    lies more than `furthest` steps ahead."""
    return believed(next_at, now, max(FURTHEST, furthest * step)) or now


def believed(stored: datetime | None, now: datetime, longest: timedelta) -> datetime | None:
    """A stored time, or None where it lies further ahead than such a time is ever set: the clock was set back since.

    Such a time is over, so that nobody waits until the clock has caught up; what it stood for is told again if it is
    still true (one request answered 429, one probe in vain). Of the account's times the loop writes that (`mended`).
    """
    return None if stored is None or stored > now + longest else stored


def backoff(pacer: Pacer, now: datetime) -> datetime | None:
    """Until when Exotel wants no request of the account; it may have passed."""
    return believed(pacer.backoff_until, now, LONGEST_BACKOFF)


def advance(next_at: datetime, now: datetime, step: timedelta) -> datetime:
    """The turn after one that is used at `now`."""
    return max(turn(next_at, now, step), now) + step


def slots_used(account_id: int) -> Mapping[int, int]:
    """Open calls by campaign. A slot is held until the first evidence that its call is over."""
    return dict(ask(SLOTS_USED, account=account_id)[0])


def take_details_turn(account: ExotelAccount) -> bool:
    """Whether one question about calls, of one request, may be asked now; takes the turn if so."""
    pacer, now = lock_now(account.pk)
    if max(_questions_turn(account, pacer, now), backoff(pacer, now) or now) > now:
        return False
    _charge(account, pacer, now, 1)
    return True


def charge_details(account: ExotelAccount, requests: int) -> None:
    """So many requests were sent beyond a question's turn: the next question waits for as many turns more."""
    if requests < 1:
        return
    with transaction.atomic():
        pacer, now = lock_now(account.pk)
        _charge(account, pacer, now, requests)


def _charge(account: ExotelAccount, pacer: Pacer, now: datetime, requests: int) -> None:
    step = details_step(account, pacer)
    after = max(_questions_turn(account, pacer, now), now) + requests * step
    pacer.next_details_at = min(after, now + MOST_OWED * step)
    pacer.save(update_fields=["next_details_at"])


def _questions_turn(account: ExotelAccount, pacer: Pacer, now: datetime) -> datetime:
    return turn(pacer.next_details_at, now, details_step(account, pacer), furthest=MOST_OWED)


def backing_off(account: ExotelAccount) -> float:
    """Seconds for which Exotel wants no request of the account, 0.0 if it takes them."""
    now = db_now()
    until = backoff(Pacer.objects.get(account=account), now) or now
    return max((until - now).total_seconds(), 0.0)


def take_dial_turn(account_id: int) -> float:
    """For a question asked while nobody is dialled: seconds until a dial would have its turn; 0.0: now, it is taken."""
    with transaction.atomic():
        pacer, now = lock_now(account_id)
        account = ExotelAccount.objects.only("calls_per_minute").get(pk=account_id)
        step = dial_step(account, pacer)
        free_at = max(turn(pacer.next_dial_at, now, step), backoff(pacer, now) or now)
        if free_at > now:
            return (free_at - now).total_seconds()
        pacer.next_dial_at = advance(pacer.next_dial_at, now, step)
        pacer.save(update_fields=["next_dial_at"])
        return 0.0


def owner_alive(owner: int) -> bool:
    """Whether the dial loop with this number still holds its lock (its session lives)."""
    return owner in _held(OWNER_LOCK)


def driven() -> set[int]:
    """Accounts that dial loops drive now. A look only: the lock itself decides."""
    return _held(ACCOUNT_LOCK)


def _held(kind: int) -> set[int]:
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT objid FROM pg_locks WHERE locktype = 'advisory' AND classid = %s"
            " AND database = (SELECT oid FROM pg_database WHERE datname = current_database())"
            " AND mode = 'ExclusiveLock' AND granted",
            [kind],
        )
        return {number for (number,) in cursor.fetchall()}
