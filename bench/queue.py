"""Taking the next due person of N: an intent's price while the queue grows from ten thousand people to five million."""

import itertools
import statistics
import time
from collections.abc import Callable, Iterator

from django.db import transaction
from django.utils import timezone

from bench.dispatch import fill
from bench.table import Row
from campaigns import intents, turns
from campaigns.intents import Intent
from campaigns.models import CallAttempt, Campaign
from campaigns.owners import Owner
from tests import people

QUEUES = (10_000, 100_000, 1_000_000, 5_000_000)
TAKES = 400
MOST = 2.0  # times that the longest queue may cost of the shortest


def measure(runs: int) -> list[Row]:
    """The rows of the part; about six minutes, most of it to fill the queue."""
    account = people.account(calls_per_minute=1_000_000, max_concurrent=100_000)
    campaign = people.campaign(account, max_concurrent=100_000)
    owner = Owner()
    rows = list(_queues(campaign, owner, runs))
    owner.close()
    takes = [row.median for row in rows if row.what.startswith("taking")]
    assert takes[-1] <= MOST * takes[0], takes
    return rows


def _queues(campaign: Campaign, owner: Owner, runs: int) -> Iterator[Row]:
    references: dict[str, str] = {}
    for before, waiting in itertools.pairwise((0, *QUEUES)):
        fill(campaign, before + 1, waiting)
        for what, take in (("taking the next due person", _take), ("an intent", _intent)):
            name = f"{what}, {waiting:,} waiting"
            yield Row(name, "ms", [_ms(take, campaign, owner) for _ in range(runs)], of=references.get(what, ""))
            references.setdefault(what, name)


def _ms(take: Callable[[Campaign, Owner], None], campaign: Campaign, owner: Owner) -> float:
    """Median milliseconds."""
    took = []
    for _ in range(TAKES):
        began = time.perf_counter()
        take(campaign, owner)
        took.append(time.perf_counter() - began)
    CallAttempt.objects.filter(campaign=campaign, state="dialing").update(
        slot_released_at=timezone.now(), state="ended"
    )
    return statistics.median(took) * 1000


def _take(campaign: Campaign, _owner: Owner) -> None:
    with transaction.atomic():
        assert turns.due(campaign, timezone.now(), 1)


def _intent(campaign: Campaign, owner: Owner) -> None:
    step = intents.next_intent(campaign.account_id, owner.number)
    while not isinstance(step, Intent):  # the pace: a campaign dials at most 999 a second
        step = intents.next_intent(campaign.account_id, owner.number)
