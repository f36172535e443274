"""How long after a committed pause, or a do-not-call entry, the first byte of a request still comes in at the carrier.

Campaigns dial one account at a high pace through the product's loop. At random moments one of them is paused, and the
next few people of another are put on the do-not-call list; then dialling goes on. The carrier's clock is ours (one
machine, monotonic), and the time of an act is taken right after its commit came back. A request belongs to the
generation of the campaign that granted it, so one of before a pause is known although the campaign is resumed long
before it could come.
"""

import contextlib
import math
import random
import threading
import time
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import timedelta

from django.db import connection
from django.utils import timezone

from bench.carrier import carrier, dials_of
from bench.table import Row
from campaigns import control, suppressing
from campaigns.audit import COMMAND_LINE
from campaigns.dialing import Loop
from campaigns.lifecycle import DUE_CONTACTS, AttemptState
from campaigns.models import Breaker, CallAttempt, Campaign, CampaignContact, ExotelAccount
from campaigns.owners import Owner
from tests import people

ROUNDS = 1_000
CAMPAIGNS = 4
PER_SECOND = 25  # of each
ANSWER_MS = 20
OPEN_FOR = timedelta(seconds=1)
NEXT = 3  # people put on the do-not-call list together: those who are due first
MOMENT = 0.02  # seconds between two acts, at most
PATIENCE = 2.0  # seconds that a campaign may take to dial again


@dataclass
class Acts:
    """What was done: (campaign id, the generation that ended, when) and (a number's last ten digits, when)."""

    pauses: list[tuple[int, int, float]] = field(default_factory=list)
    suppressions: list[tuple[Sequence[str], float]] = field(default_factory=list)


@dataclass(frozen=True)
class Late:
    """Seconds after each act at which the last request came in that should not have been sent; 0 where none came."""

    pauses: Sequence[float]
    suppressions: Sequence[float]
    dials: int


def measure(_runs: int) -> list[Row]:
    """The rows of the part: 1,000 pauses and as many entries, once."""
    late = play(ROUNDS, seed=1)
    return [*_rows("pause", late.pauses), *_rows("do-not-call entry", late.suppressions), _dials(late)]


def _rows(what: str, late: Sequence[float]) -> Iterator[Row]:
    yield Row(f"{what}: latest first byte after it", "ms", [1000 * max(late)])
    yield Row(f"{what}: 99 % not later than", "ms", [1000 * percentile(late, 0.99)])
    yield Row(f"{what}: with a first byte after it", f"of {len(late)}", [sum(one > 0 for one in late)])


def _dials(late: Late) -> Row:
    return Row("calls dialled meanwhile", "calls", [late.dials])


def percentile(values: Sequence[float], share: float) -> float:
    """The smallest value that at least `share` of them do not exceed."""
    return sorted(values)[max(math.ceil(share * len(values)) - 1, 0)]


def play(rounds: int, *, seed: int) -> Late:
    """So many rounds of a pause and an entry while the campaigns dial."""
    with carrier(ANSWER_MS) as address:
        account = people.account(api_url=address, calls_per_minute=600_000, max_concurrent=100_000)
        campaigns = [_campaign(account, place, rounds) for place in range(CAMPAIGNS)]
        with _dialling(account):
            while len(dials_of(address)) < CAMPAIGNS:
                time.sleep(0.05)
            acts = _act(campaigns, rounds, random.Random(seed))
            time.sleep(0.5)
            Campaign.objects.filter(account=account).update(status="completed")
        return _judge(acts, dials_of(address), account)


def _campaign(account: ExotelAccount, place: int, rounds: int) -> Campaign:
    made = people.campaign(account, calls_per_second=PER_SECOND, max_concurrent=100_000)
    crowd = 500 + rounds * (2 + NEXT)
    people.contacts(made, [f"+9197{place:02}{number:06}" for number in range(crowd)])
    return made


@contextlib.contextmanager
def _dialling(account: ExotelAccount) -> Iterator[None]:
    """The product's loop in a thread of its own; it ends by itself once no campaign of the account runs."""
    owner = Owner()
    assert owner.take_account(account.pk)

    def dial() -> None:
        try:
            Loop(account.pk, owner).run()
        finally:
            connection.close()

    loop = threading.Thread(target=dial)
    loop.start()
    try:
        yield
    finally:
        Campaign.objects.filter(account=account).update(status="completed")
        loop.join(60)
        owner.close()


def _act(campaigns: Sequence[Campaign], rounds: int, chance: random.Random) -> Acts:
    acts = Acts()
    for place in range(rounds):
        paused, other = chance.sample(campaigns, 2)
        generation = _dialling_again(paused)
        time.sleep(chance.uniform(0, MOMENT))
        control.pause(paused.pk, by=COMMAND_LINE)
        acts.pauses.append((paused.pk, generation, time.monotonic()))
        time.sleep(chance.uniform(0, MOMENT))
        numbers = _due_first(other)
        suppressing.suppress(numbers, reason="asked", by=COMMAND_LINE)
        acts.suppressions.append(([number[-10:] for number in numbers], time.monotonic()))
        control.resume(paused.pk, by=COMMAND_LINE)
        Breaker.objects.filter(campaign=paused).update(trial=False)  # its first careful calls are not what is measured
        if place % 20 == 0:
            _end_calls(campaigns)
    return acts


def _dialling_again(campaign: Campaign) -> int:
    """Wait until it has dialled since its last resume, so that the pause meets traffic; the generation it is in."""
    generation = Campaign.objects.values_list("generation", flat=True).get(pk=campaign.pk)
    since = CallAttempt.objects.filter(campaign=campaign, generation=generation)
    until = time.monotonic() + PATIENCE
    while not since.exists() and time.monotonic() < until:
        time.sleep(0.005)
    return generation


def _due_first(campaign: Campaign) -> list[str]:
    due = CampaignContact.objects.filter(campaign=campaign, state__in=DUE_CONTACTS, due_at__lte=timezone.now())
    return list(due.order_by("due_at", "pk").values_list("phone", flat=True)[:NEXT])


def _end_calls(campaigns: Sequence[Campaign]) -> None:
    """What callbacks do to slots, in bulk."""
    now = timezone.now()
    old = CallAttempt.objects.filter(campaign__in=campaigns, state=AttemptState.PLACED, placed_at__lt=now - OPEN_FOR)
    old.update(state=AttemptState.ENDED, outcome="answered", ended_at=now, slot_released_at=now)


def _judge(acts: Acts, dials: Sequence[tuple[float, str]], account: ExotelAccount) -> Late:
    granted = CallAttempt.objects.filter(account=account).values_list("phone", "campaign", "generation")
    of_number = {phone[-10:]: (campaign, generation) for phone, campaign, generation in granted}
    by_generation: Mapping[tuple[int, int], list[float]] = defaultdict(list)
    at_number: Mapping[str, list[float]] = defaultdict(list)
    for at, number in dials:
        by_generation[of_number[number]].append(at)
        at_number[number].append(at)
    return Late(
        [_latest(by_generation[campaign, generation], at) for campaign, generation, at in acts.pauses],
        [max((_latest(at_number[one], at) for one in numbers), default=0) for numbers, at in acts.suppressions],
        len(dials),
    )


def _latest(arrived: Sequence[float], after: float) -> float:
    return max((at - after for at in arrived if at > after), default=0.0)
