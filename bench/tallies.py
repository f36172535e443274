"""What the maintained counters cost those who write: a call with and without the triggers, and reading with them."""

import statistics
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from django.db import connection, transaction
from django.utils import timezone

from bench.table import Row
from campaigns import intents, outcomes, settling, tallies
from campaigns.exotel.answers import Accepted
from campaigns.intents import Intent
from campaigns.lifecycle import Outcome
from campaigns.models import CallAttempt, Campaign, CampaignContact, EventSource, ExotelAccount
from campaigns.outcomes import Statement
from campaigns.owners import Owner
from tests import people

CALLS = 60  # of each run
CHUNK = 5_000
TABLES = ("campaigns_callattempt", "campaigns_campaigncontact")


def measure(runs: int) -> list[Row]:
    """The rows of the part; about half a minute with three runs. With and without take turns."""
    account = people.account(calls_per_minute=1_000_000, max_concurrent=100_000)
    campaign = people.campaign(account, max_concurrent=100_000, calls_per_second=999)
    owner = Owner()
    owner.take_account(account.pk)
    took: dict[str, list[float]] = {"placing": [], "bare placing": [], "whole": [], "bare whole": []}
    _calls(account, campaign, owner)
    for _ in range(runs):
        for prefix, around in (("bare ", _no_triggers), ("", _nothing)):
            with around():
                placing, whole = _calls(account, campaign, owner)
            took[f"{prefix}placing"].append(placing)
            took[f"{prefix}whole"].append(whole)
    owner.close()
    return [
        Row("intent and settle, no triggers", "ms", took["bare placing"]),
        Row("intent and settle", "ms", took["placing"], of="intent and settle, no triggers"),
        Row("intent, settle, answer, end, no triggers", "ms", took["bare whole"]),
        Row("intent, settle, answer, end", "ms", took["whole"], of="intent, settle, answer, end, no triggers"),
        *_enrolling(runs),
        *_reading(campaign, runs),
    ]


@contextmanager
def _no_triggers() -> Iterator[None]:
    _all_triggers("DISABLE")
    try:
        yield
    finally:
        _all_triggers("ENABLE")


@contextmanager
def _nothing() -> Iterator[None]:
    yield


def _all_triggers(what: str) -> None:
    with connection.cursor() as cursor:
        for table in TABLES:
            cursor.execute(f"ALTER TABLE {table} {what} TRIGGER USER")


def _calls(account: ExotelAccount, campaign: Campaign, owner: Owner) -> tuple[float, float]:
    """Median milliseconds of placing a call, and of the whole of it, over CALLS people."""
    people.contacts(campaign, [f"+9197{n:08}" for n in range(_next(campaign), _next(campaign) + CALLS)])
    placing, whole = [], []
    for _ in range(CALLS):
        began = time.perf_counter()
        intent = intents.next_intent(account.pk, owner.number)
        while not isinstance(intent, Intent):
            time.sleep(0.001)
            began = time.perf_counter()
            intent = intents.next_intent(account.pk, owner.number)
        settling.settle(intent.attempt_id, Accepted(f"sid-{intent.attempt_id}", 200, "{}", 0.05))
        placing.append((time.perf_counter() - began) * 1000)
        _said(intent.attempt_id, answered=True)
        _said(intent.attempt_id, status=Outcome.ANSWERED.value)
        whole.append((time.perf_counter() - began) * 1000)
    return statistics.median(placing), statistics.median(whole)


def _next(campaign: Campaign) -> int:
    return CampaignContact.objects.filter(campaign=campaign).count()


def _said(attempt_id: int, **said: object) -> None:
    with transaction.atomic():
        outcomes.apply(attempt_id, Statement(source=EventSource.CALLBACK, at=timezone.now(), **said))  # type: ignore[arg-type]


def _enrolling(runs: int) -> Iterator[Row]:
    """A chunk of people put into a campaign by one statement."""
    bare: list[float] = []
    ours: list[float] = []
    campaign = people.campaign()
    for run in range(runs):
        for took, around, place in ((bare, _no_triggers, 2 * run), (ours, _nothing, 2 * run + 1)):
            with around():
                took.append(_timed(lambda place=place: _fill(campaign, place)))  # type: ignore[misc]
    yield Row(f"{CHUNK:,} people enrolled, no triggers", "ms", bare)
    yield Row(f"{CHUNK:,} people enrolled", "ms", ours, of=f"{CHUNK:,} people enrolled, no triggers")


def _fill(campaign: Campaign, place: int) -> None:
    with connection.cursor() as cursor:
        cursor.execute(_FILL, [campaign.pk, place * CHUNK + 1, (place + 1) * CHUNK])


_FILL = """
    INSERT INTO campaigns_campaigncontact
        (campaign_id, phone, name, variables, time_zone, state, due_at, tries, prepared, last_outcome, disposition,
         disposition_kind, reason_code, reason, changed_at)
    SELECT %s, '+9196' || lpad(n::text, 8, '0'), 'Person ' || n, '{}', '', 'pending', now(), 0, true, '', '', '', '',
        '', now()
    FROM generate_series(%s, %s) n"""


def _reading(campaign: Campaign, runs: int) -> Iterator[Row]:
    """The counts of a campaign before and after folding."""
    yield Row("counts read, not folded", "ms", [_timed(lambda: tallies.of_campaign(campaign.pk)) for _ in range(runs)])
    while tallies.fold():
        pass
    yield Row("counts read, folded", "ms", [_timed(lambda: tallies.of_campaign(campaign.pk)) for _ in range(runs)])
    tallies.verify(campaign.pk, timezone.now())  # what was written without triggers
    counted = CallAttempt.objects.filter(campaign=campaign)
    assert tallies.of_campaign(campaign.pk)["tried"] == counted.count()


def _timed(act: Callable[[], object]) -> float:
    began = time.perf_counter()
    act()
    return (time.perf_counter() - began) * 1000
