"""Counts that cost the same for ten people and for a million: sums of the small changes that triggers write.

Rules of this file:

* A change of a row and its tallies commit together, so in every snapshot the sums are exact.
* Writers only insert, so they never wait for each other: no counter row is shared, and no campaign row is touched.
* What a row counts as is said once, by the SQL functions `…_measures` of the migration; triggers and recounts use it.
* Sums by half hour ("hours:<kind of account>") fade after a month and are never recounted.
* Folding replaces many rows of one count by their sum, in one statement: no reader sees more or less.
"""

import logging
import random
import time
from collections.abc import Iterable, Mapping
from datetime import UTC, datetime, timedelta
from decimal import Decimal

from django.db import connection, transaction
from django.db.models import F, Sum

from campaigns.lifecycle import CampaignStatus
from campaigns.models import Campaign, Tally

log = logging.getLogger(__name__)

CROWDED = 16  # rows of one count that are worth a fold
FOLD_AT_ONCE = 2_000  # counts folded by one statement
KEPT = timedelta(days=2)  # counts of minutes and of five minutes; the longest day has 25 hours
HOURS_KEPT = timedelta(days=29)  # counts of half hours, by kind of account
COST_UNIT = 10_000  # a cost is told in ten-thousandths, so that sums are whole numbers
RECOUNT_LOCK = 80  # pg advisory lock (80, 0): one recount at a time, so that no difference is mended twice
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)

Sums = Mapping[str, int]


# ---------------------------------------------------------------------------------------------------------- reading
def of_campaign(campaign_id: int) -> Sums:
    """A campaign's counts by measure ("contact:<state>", "tried", "attempt:<state>:<outcome>" …), without zeros."""
    return of_campaigns([campaign_id])[campaign_id]


def of_campaigns(campaign_ids: Iterable[int]) -> dict[int, Sums]:
    """The same for many, in one query; with {} for a campaign that has none."""
    sums = _sums({f"campaign:{pk}": pk for pk in campaign_ids})
    return {pk: found for pk, found in sums.items() if pk is not None}


def together(campaign_ids: Iterable[int]) -> Sums:
    """The counts of several campaigns, added up."""
    rows = Tally.objects.filter(about__in=[f"campaign:{pk}" for pk in campaign_ids], minute=0)
    return {measure: int(n) for measure, n in rows.values_list("measure").annotate(sum=Sum("n")).order_by() if n}


def people_on(list_ids: Iterable[int]) -> dict[int, int]:
    """How many people are on each of these lists, in one query."""
    sums = _sums({f"list:{pk}": pk for pk in list_ids})
    return {pk: found.get("people", 0) for pk, found in sums.items()}


def suppressed() -> int:
    """How many numbers are on the do-not-call list."""
    return _sums({"do-not-call": 0})[0].get("people", 0)


def _sums(subjects: Mapping[str, int]) -> dict[int, Sums]:
    rows = Tally.objects.filter(about__in=subjects, minute=0).values_list("about", "measure").annotate(sum=Sum("n"))
    found: dict[int, dict[str, int]] = {pk: {} for pk in subjects.values()}
    for about, measure, count in rows.order_by():
        if count:
            found[subjects[about]][measure] = int(count)
    return dict(found)


def since(campaign_ids: Iterable[int], moment: datetime) -> Sums:
    """Of calls dialled at or after `moment` (five minutes sharp, at most KEPT ago), together: "dialled",
    "outcome:<outcome, or unknown>", "kind:<kind of disposition>", "spent" (in ten-thousandths)."""
    rows = Tally.objects.filter(about__in=[f"campaign:{pk}" for pk in campaign_ids], minute__gte=minute_of(moment))
    return {measure: int(n) for measure, n in rows.values_list("measure").annotate(sum=Sum("n")).order_by() if n}


def dialled_each_minute(campaign_id: int, first: datetime) -> dict[datetime, int]:
    """Calls dialled in each minute from `first` on (at most KEPT ago); minutes without any are absent."""
    rows = Tally.objects.filter(about=f"campaign:{campaign_id}", minute__gte=minute_of(first), measure="dialled")
    counted = rows.values_list("minute").annotate(sum=Sum("n")).order_by("minute")
    return {_EPOCH + timedelta(minutes=minute): int(n) for minute, n in counted if n}


def outcomes_each_five_minutes(campaign_id: int, first: datetime, until: datetime) -> dict[datetime, dict[str, int]]:
    """Calls by outcome (or "unknown") in each five minutes from `first` (at most KEPT ago) to before `until`."""
    rows = Tally.objects.filter(
        about=f"campaign:{campaign_id}", minute__gte=minute_of(first), minute__lt=minute_of(until)
    ).filter(measure__startswith="outcome:")
    found: dict[datetime, dict[str, int]] = {}
    for minute, measure, n in rows.values_list("minute", "measure").annotate(sum=Sum("n")).order_by("minute"):
        found.setdefault(_EPOCH + timedelta(minutes=minute), {})[measure.removeprefix("outcome:")] = int(n)
    return found


def in_slices(campaign_ids: Iterable[int], first: datetime, minutes: int) -> dict[datetime, Sums]:
    """What `since` tells of several campaigns, in each slice of so many minutes (five or a multiple), oldest first."""
    rows = Tally.objects.filter(about__in=[f"campaign:{pk}" for pk in campaign_ids], minute__gte=minute_of(first))
    slices = rows.annotate(slice=F("minute") - F("minute") % minutes).values_list("slice", "measure")
    found: dict[datetime, dict[str, int]] = {}
    for minute, measure, n in slices.annotate(sum=Sum("n")).order_by("slice"):
        found.setdefault(_EPOCH + timedelta(minutes=minute), {})[measure] = int(n)
    return dict(found)


def answers_each_half_hour(kind: str, first: datetime) -> dict[datetime, tuple[int, int]]:
    """(answered, reached) of all campaigns on this kind of account in each half hour from `first` on (at most
    HOURS_KEPT ago); half hours without a call are absent. Reached are calls with an outcome of the carrier's."""
    rows = Tally.objects.filter(about=f"hours:{kind}", minute__gte=minute_of(first))
    found: dict[datetime, tuple[int, int]] = {}
    for minute, measure, n in rows.values_list("minute", "measure").annotate(sum=Sum("n")).order_by("minute"):
        at = _EPOCH + timedelta(minutes=minute)
        answered, reached = found.get(at, (0, 0))
        found[at] = (int(n), reached) if measure == "answered" else (answered, int(n))
    return found


def spent(sums: Sums) -> Decimal:
    """What the calls have cost so far by the carrier's own word; it tells a price some minutes after each call."""
    return Decimal(sums.get("spent", 0)) / COST_UNIT


def minute_of(moment: datetime) -> int:
    return (moment - _EPOCH) // timedelta(minutes=1)


# ------------------------------------------------------------------------------------------------------- folding
_FOLD = """
    WITH crowded AS (
        SELECT about, minute, measure FROM campaigns_tally
        GROUP BY about, minute, measure HAVING count(*) > %(crowded)s LIMIT %(counts)s
    ), gone AS (
        DELETE FROM campaigns_tally AS one USING crowded
        WHERE one.about = crowded.about AND one.minute = crowded.minute AND one.measure = crowded.measure
        RETURNING one.about, one.minute, one.measure, one.n
    ), folded AS (
        INSERT INTO campaigns_tally (about, minute, measure, n)
        SELECT about, minute, measure, sum(n) FROM gone GROUP BY about, minute, measure HAVING sum(n) <> 0
    )
    SELECT count(*) FROM gone"""


def fold(crowded: int = CROWDED) -> int:
    """Put the sum in the place of counts with more than `crowded` rows; returns how many rows went. Any time."""
    with connection.cursor() as cursor:
        cursor.execute(_FOLD, {"crowded": crowded, "counts": FOLD_AT_ONCE})
        row: tuple[int] = cursor.fetchone()
    return row[0]


def forget_old_minutes(now: datetime) -> int:
    """Delete the counts of minutes that nobody asks for any more; returns how many rows went."""
    old = Tally.objects.filter(minute__gt=0, minute__lt=minute_of(now - KEPT)).exclude(about__startswith="hours:")
    oldest = Tally.objects.filter(about__startswith="hours:", minute__lt=minute_of(now - HOURS_KEPT))
    return old.delete()[0] + oldest.delete()[0]


# ------------------------------------------------------------------------------------------------------ recounting
# One statement, one snapshot: rows and their tallies commit together, so what differs here is truly wrong.
_RECOUNT = """
    WITH truth AS (
        SELECT minute, measure, count(*) AS n
        FROM campaigns_campaigncontact AS person, LATERAL campaigns_contact_measures(
            person.state, person.tries, person.last_outcome, person.disposition, person.disposition_kind)
        WHERE campaign_id = %(campaign)s GROUP BY minute, measure
        UNION ALL
        SELECT minute, measure, count(*)
        FROM campaigns_callattempt AS call, LATERAL campaigns_attempt_measures(
            call.state, call.outcome, call.disposition_kind, call.confirmed_at IS NOT NULL, call.intent_at)
        WHERE campaign_id = %(campaign)s AND (minute = 0 OR minute >= %(first)s) GROUP BY minute, measure
        UNION ALL
        SELECT said.minute, said.measure, sum(said.n)
        FROM campaigns_callattempt AS call, LATERAL campaigns_attempt_sums(
            call.campaign_id, call.account_kind, call.outcome, call.price, call.intent_at) AS said
        WHERE campaign_id = %(campaign)s AND price > 0 AND said.about = %(about)s
            AND (said.minute = 0 OR said.minute >= %(first)s) GROUP BY said.minute, said.measure
    ), wrong AS (
        SELECT minute, measure, sum(n) AS n FROM (
            SELECT minute, measure, n FROM truth
            UNION ALL
            SELECT minute, measure, -n FROM campaigns_tally
            WHERE about = %(about)s AND (minute = 0 OR minute >= %(first)s)
        ) AS together GROUP BY minute, measure HAVING sum(n) <> 0
    )
    INSERT INTO campaigns_tally (about, minute, measure, n)
    SELECT %(about)s, minute, measure, n FROM wrong RETURNING minute, measure, n"""


def verify(campaign_id: int, now: datetime) -> Mapping[tuple[int, str], int]:
    """Recount a campaign, mend what is wrong and log it as an error; returns what was added, by (minute, measure).

    Reads every row of the campaign: about two seconds for a million people and as many attempts.
    """
    values: dict[str, int | str] = {
        "campaign": campaign_id,
        "about": f"campaign:{campaign_id}",
        "first": minute_of(now - KEPT + timedelta(hours=1)),
    }
    with transaction.atomic(), connection.cursor() as cursor:
        cursor.execute("SELECT pg_advisory_xact_lock(%s, 0)", [RECOUNT_LOCK])
        cursor.execute(_RECOUNT, values)
        mended = {(minute, measure): int(n) for minute, measure, n in cursor.fetchall()}
    if mended:
        log.error("counts of campaign %s were wrong and are mended: %s", campaign_id, _in_words(mended))
    return mended


_RECOUNT_PEOPLE = """
    WITH wrong AS (
        SELECT about, sum(n) AS n FROM (
            SELECT 'list:' || contact_list_id AS about, count(*) AS n FROM campaigns_contact GROUP BY 1
            UNION ALL
            SELECT 'do-not-call', count(*) FROM campaigns_suppression
            UNION ALL
            SELECT about, -n FROM campaigns_tally WHERE measure = 'people'
        ) AS together GROUP BY about HAVING sum(n) <> 0
    )
    INSERT INTO campaigns_tally (about, minute, measure, n)
    SELECT about, 0, 'people', n FROM wrong RETURNING about, n"""


def verify_people() -> Mapping[str, int]:
    """Recount all lists and the do-not-call list likewise; returns what was added, by list."""
    with transaction.atomic(), connection.cursor() as cursor:
        cursor.execute("SELECT pg_advisory_xact_lock(%s, 0)", [RECOUNT_LOCK])
        cursor.execute(_RECOUNT_PEOPLE)
        mended = {about: int(n) for about, n in cursor.fetchall()}
    if mended:
        log.error("counts of people were wrong and are mended: %s", mended)
    return mended


def verify_some(now: datetime, seconds: float = 10.0) -> None:
    """Recount running campaigns in random order until `seconds` have passed, and the lists; then forget old minutes."""
    until = time.monotonic() + seconds
    running = list(Campaign.objects.filter(status=CampaignStatus.RUNNING).values_list("pk", flat=True))
    for campaign_id in random.sample(running, len(running)):
        if time.monotonic() > until:
            break
        verify(campaign_id, now)
    verify_people()
    forget_old_minutes(now)


def _in_words(mended: Mapping[tuple[int, str], int]) -> str:
    return ", ".join(f"{measure} {n:+}" for (_, measure), n in sorted(mended.items())[:20])
