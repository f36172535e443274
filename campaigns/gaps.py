"""A database that has forgotten calls, found before anything more is dialled: the account is held, campaigns paused.

After a restore, or when a replica takes over that lags behind, the database knows nothing of the last calls and would
make them again, under the numbers of the forgotten attempts. So whoever is about to drive an account compares it with
the witness (campaigns.witness) first. What is missing becomes a Gap; `campaigns.restoring` closes it.
"""

import logging
from collections.abc import Mapping
from datetime import datetime, timedelta

from django.db import connection, transaction
from django.db.models import F, Max

from campaigns import audit, holds, pacing, witness
from campaigns.audit import DIALER
from campaigns.holds import Hold
from campaigns.lifecycle import CAMPAIGN, CampaignStatus, advance
from campaigns.models import CallAttempt, Campaign, ExotelAccount, Gap, Installation
from campaigns.templatetags.dialer import span, to_the_second, zone
from campaigns.witness import Known, Mark

log = logging.getLogger(__name__)

RESTORED = holds.RESTORED
UNWITNESSED = timedelta(seconds=5)  # calls may have been placed for so long after the last mark
POST_TIME = timedelta(seconds=10)  # our request's own time, before it rings
LEAP = 10_000  # numbers of attempts that may have been given out after the last mark
BLIND_LEAP = 10_000_000  # the same if there is no mark at all
HOW = "Run “manage.py resume_campaign ID --after-restore”: it asks Exotel who was called, before anybody is dialled."
BLIND = "Nobody can say whether this database knows every call: what Redis and STATE_DIR had kept of the last is lost."
OTHERS = (
    "Paused because this database was put back from a copy: it does not know who asked not to be called since. No call "
    "of this account is missing. Put those wishes back on the do-not-call list, then resume."
)
CHECK_FIRST = (
    "This database has forgotten calls (see Settings). Run “manage.py resume_campaign ID --after-restore” first: it "
    "asks Exotel who was called."
)


# ----------------------------------------------------------------------------------------------------- may it dial?
def clear(account_id: int) -> bool:
    """Whether the database knows every call that the account has made, so that it may dial.

    If not, the account is held and its campaigns are paused. False as well while nobody can say: try again.
    """
    here = installation()
    known = witness.read(here.key)
    if not _decidable(here, known, account_id):
        log.warning("account %s is not dialled yet: Redis does not tell whether calls were forgotten", account_id)
        return False
    with transaction.atomic():
        now = pacing.db_now()
        forgetful = _forgetful(here, known, account_id)
        opened = [_open(one, known.marks.get(one), now) for one in forgetful]
        if any(gap.witnessed for gap in opened if gap):
            _pause_the_others(now)
    _use_no_number_twice(known)
    if account_id in [one for one in {account_id, *forgetful} if _stopped(one)]:
        return False
    _vouch(here, known, account_id)
    return True


def keeper(account_id: int) -> witness.Keeper:
    """Who writes down what a loop of this account does."""
    return witness.Keeper(installation().key, account_id)


def installation() -> Installation:
    """Who this database is."""
    return Installation.objects.get_or_create(pk=1)[0]


def open_gap(account_id: int) -> Gap | None:
    return Gap.objects.filter(account=account_id, closed_at__isnull=True).first()


def problems(account_id: int) -> list[str]:
    """Why no campaign of the account may be launched or resumed now."""
    return [CHECK_FIRST] if open_gap(account_id) else []


def _decidable(here: Installation, known: Known, account_id: int) -> bool:
    """No mark in the file means that it is lost only if Redis has none either."""
    return known.certain or not _unmarked(here, known, account_id)


def _unmarked(here: Installation, known: Known, account_id: int) -> bool:
    """Whether there is no mark although one was made: it is made before the first call of an account."""
    return here.witnessed_at is not None and account_id not in known.marks and _has_called(account_id)


def _forgetful(here: Installation, known: Known, account_id: int) -> list[int]:
    """Accounts of which calls are missing. All are looked at together, before one of them gets new numbers."""
    with_mark = ExotelAccount.objects.filter(pk__in=known.marks).values_list("pk", flat=True)
    found = [one for one in with_mark if not _remembered(one, known.marks[one])]
    return [*found, account_id] if _unmarked(here, known, account_id) else found


def _remembered(account_id: int, mark: Mark) -> bool:
    """Whether this is the database in which the last call that anybody knows of was written down."""
    if mark.owner:
        same = CallAttempt.objects.filter(pk=mark.attempt, account_id=account_id, owner=mark.owner).exists()
    else:
        same = last_number() >= mark.attempt
    return same or Gap.objects.filter(account=account_id, closed_at__isnull=False, witnessed__gte=mark.attempt).exists()


def _has_called(account_id: int) -> bool:
    campaigns = list(Campaign.objects.filter(account=account_id).values_list("pk", flat=True))
    return CallAttempt.objects.filter(campaign__in=campaigns).exists()


# ---------------------------------------------------------------------------------------------------------- the gap
def _open(account_id: int, mark: Mark | None, now: datetime) -> Gap | None:
    """The gap, if it was not known yet."""
    last = CallAttempt.objects.filter(account=account_id).order_by("-intent_at").values_list("intent_at", flat=True)
    lag = timedelta(seconds=ExotelAccount.objects.values_list("reporting_lag", flat=True).get(pk=account_id))
    over = mark.over if mark and mark.owner else now + longest_call(account_id)
    said = {
        "found_at": now,
        "known_until": last.first(),
        "called_until": mark.at if mark else None,
        "witnessed": mark.attempt if mark else 0,
        "ready_at": over + UNWITNESSED + lag,
    }
    gap, new = Gap.objects.get_or_create(account_id=account_id, closed_at=None, defaults=said)
    return gap if new else None


def _pause_the_others(now: datetime) -> None:
    """The do-not-call list is as old as the copy for accounts that lost no call, too: a person resumes them."""
    lost = Gap.objects.filter(closed_at__isnull=True).values("account")
    others = Campaign.objects.exclude(account__in=lost)
    for account_id in (
        others.filter(status=CampaignStatus.RUNNING).order_by("account").values_list("account").distinct()
    ):
        pacing.lock(*account_id)
    for campaign in others.filter(status=CampaignStatus.RUNNING):
        holds.pause(campaign, OTHERS, now)
    for campaign in others.filter(status=CampaignStatus.SCHEDULED):
        rows = Campaign.objects.filter(pk=campaign.pk)
        if advance(rows, CAMPAIGN, CampaignStatus.DRAFT, field="status", scheduled_at=None, launched_by=None):
            audit.record(DIALER, "unschedule", f"campaign:{campaign.pk}", reason=OTHERS)


def longest_call(account_id: int) -> timedelta:
    """How long a call of the account may last, its ringing and our request included."""
    longest = Campaign.objects.filter(account=account_id).aggregate(most=Max(F("ring_timeout") + F("time_limit")))
    return timedelta(seconds=longest["most"] or 0) + POST_TIME


def _stopped(account_id: int) -> bool:
    """Whether there is a gap; then nobody dials: the hold and the pauses are put back if somebody took them away."""
    with transaction.atomic():
        pacer, now = pacing.lock_now(account_id)
        gap = open_gap(account_id)
        if gap is None:
            return False
        holds.put(pacer, Hold(RESTORED, words(gap), probes=False), now)
        for campaign in Campaign.objects.filter(account=account_id, status=CampaignStatus.RUNNING):
            holds.pause(campaign, words(gap), now)
    return True


def words(gap: Gap) -> str:
    """What happened and what to do, for the pages and the one who is on call."""
    if gap.called_until is None:
        return f"{BLIND} {HOW}"
    calls = f"people were called until {_moment(gap.called_until)}"
    if gap.known_until is None or gap.known_until >= gap.called_until:
        what = f"This database has forgotten calls: {calls}, and it does not know them all."
    else:
        missing = span((gap.called_until - gap.known_until).total_seconds())
        what = f"This database knows of no call after {_moment(gap.known_until)}, and {calls}: {missing} are missing."
    return f"{what} It was put back from a copy, or a replica took over. {HOW}"


def _moment(at: datetime) -> str:
    return f"{to_the_second(at)} {zone(at)}"


# ------------------------------------------------------------------------------------------------------- the numbers
_ATTEMPTS = "pg_get_serial_sequence('campaigns_callattempt', 'id')::regclass"
_OWNERS = "'campaigns_dial_owner'::regclass"


def last_number() -> int:
    """The highest number that an attempt may have had so far."""
    return _last(_ATTEMPTS)


def _last(sequence: str) -> int:
    with connection.cursor() as cursor:
        cursor.execute(f"SELECT coalesce(pg_sequence_last_value({sequence}), 0)")
        last: int = cursor.fetchone()[0]
    return last


def _use_no_number_twice(known: Known) -> None:
    """The wire still carries the numbers of forgotten attempts: callbacks, streams, CustomFields. And a loop that has
    outlived its database must not take another one's intents for its own."""
    top = witness.highest(known.marks)
    if last_number() < top:
        move_on(top + LEAP, max(mark.owner for mark in known.marks.values()) + LEAP)


def move_on(attempt: int, owner: int) -> None:
    """No attempt and no dial loop gets a number up to these. A sequence is never set back."""
    wanted: Mapping[str, int] = {_ATTEMPTS: attempt, _OWNERS: owner}
    with connection.cursor() as cursor:
        for sequence, number in wanted.items():
            if _last(sequence) < number:
                cursor.execute(f"SELECT setval({sequence}, %s)", [number])


def leap() -> None:
    """Without a mark nobody knows which numbers were given out: beyond anything that can have been."""
    move_on(last_number() + BLIND_LEAP, _last(_OWNERS) + LEAP)


# -------------------------------------------------------------------------------------------------------- the witness
def _vouch(here: Installation, known: Known, account_id: int) -> None:
    """See to it that there is a mark before the first call; an installation that had none gets one for everybody."""
    if account_id in known.marks:
        return
    accounts = [account_id] if here.witnessed_at else list(ExotelAccount.objects.values_list("pk", flat=True))
    if vouch(here, accounts) and here.witnessed_at is None:
        Installation.objects.filter(pk=here.pk).update(witnessed_at=pacing.db_now())


def vouch(here: Installation, accounts: list[int]) -> bool:
    """Write down that every call so far is in this database, or was accounted for; False if it cannot be written.

    Only what the log on the disk holds: a number that was given out a moment ago could come again after a crash.
    """
    with transaction.atomic():
        now, number = pacing.db_now(), last_number()
        Installation.objects.select_for_update().get(pk=here.pk)  # so that the commit waits for the log
    mark = Mark(number, owner=0, at=now, over=now)
    return witness.keep(here.key, dict.fromkeys(accounts, mark)).certain
