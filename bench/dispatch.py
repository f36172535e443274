"""What dialing costs: the product's loop, all checks on, beside a bare loop of the same client."""

import contextlib
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from datetime import time as time_of_day

from django.db import connection
from django.utils import timezone

from bench.carrier import carrier
from bench.table import Row
from campaigns import intents
from campaigns.dialing import POSTS_AT_ONCE, Loop, client_for
from campaigns.exotel.answers import Accepted
from campaigns.exotel.payloads import ConnectRequest
from campaigns.lifecycle import AttemptState
from campaigns.models import CallAttempt, Campaign, ExotelAccount
from campaigns.owners import Owner
from tests import people

LATENCY_MS = 50
SECONDS = 4.0  # of each run
OPEN_FOR = 1.0  # seconds a call is open: about as many calls at once as a busy account has
NEVER_CALLED = 10_000

_FILL = """
    INSERT INTO campaigns_campaigncontact
        (campaign_id, phone, name, variables, time_zone, state, due_at, tries, prepared, last_outcome, disposition,
         disposition_kind, reason_code, reason, changed_at)
    SELECT %s, '+9197' || lpad(n::text, 8, '0'), 'Person ' || n, '{}', '', 'pending',
        now() - interval '1 day' + n * interval '1 microsecond', 0, true, '', '', '', '', '', now()
    FROM generate_series(%s, %s) n
"""


_SUPPRESS = """
    INSERT INTO campaigns_suppression (phone, reason, source, added_at)
    SELECT '+9188' || lpad(n::text, 8, '0'), 'Asked', 'operator', now() FROM generate_series(1, %s) n
"""


@dataclass(frozen=True)
class Speed:
    """Of one run: calls per second, and milliseconds of our process's CPU a call, which other load hardly changes."""

    per_second: float
    cpu: float


def measure(runs: int) -> list[Row]:
    """The rows of the part; about a minute with three runs."""
    with carrier(LATENCY_MS) as address:
        account = people.account(api_url=address, calls_per_minute=1_000_000, max_concurrent=100_000, daily_cap=100)
        _suppress(NEVER_CALLED)
        speeds = [(_bare(account), _product(account)) for _ in range(runs)]
    bare_name = f"bare POSTs in {POSTS_AT_ONCE} threads, {LATENCY_MS} ms"
    return [
        Row(bare_name, "calls/s", [bare.per_second for bare, _ in speeds]),
        Row("the dial loop: intent, POST, settle", "calls/s", [ours.per_second for _, ours in speeds], of=bare_name),
        Row("CPU of a bare POST", "ms", [bare.cpu for bare, _ in speeds]),
        Row("CPU of a call of the loop", "ms", [ours.cpu for _, ours in speeds], of="CPU of a bare POST"),
    ]


@contextlib.contextmanager
def _timed(calls: Callable[[], int]) -> Iterator[Callable[[], Speed]]:
    """The speed of the block, once it is over."""
    began, used = time.monotonic(), time.process_time()
    took: list[float] = []
    yield lambda: Speed(calls() / took[0], 1000 * took[1] / max(calls(), 1))
    took += [time.monotonic() - began, time.process_time() - used]


def _bare(account: ExotelAccount) -> Speed:
    """The same client, with nothing around it."""
    client = client_for(account)
    request = _request()
    until = time.monotonic() + SECONDS
    counts = [0] * POSTS_AT_ONCE

    def post(place: int) -> None:
        while time.monotonic() < until:
            counts[place] += isinstance(client.connect(request, not_after=time.monotonic() + 5), Accepted)

    threads = [threading.Thread(target=post, args=(place,)) for place in range(POSTS_AT_ONCE)]
    with _timed(lambda: sum(counts)) as speed:
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
    return speed()


def _request() -> ConnectRequest:
    campaign = people.campaign()
    attempt = people.attempt(people.contact(campaign))
    return intents.connect_request(attempt, campaign)


def _product(account: ExotelAccount) -> Speed:
    """Calls whose answers are settled in the database, all predicates on, while earlier calls end behind it."""
    campaign = _campaign(account, waiting=int(SECONDS * 1500))
    placed = CallAttempt.objects.filter(campaign=campaign, sid__isnull=False)
    owner = Owner()
    assert owner.take_account(account.pk)
    over = threading.Event()
    ender = threading.Thread(target=_end_calls, args=(campaign.pk, over))
    ender.start()
    with _timed(placed.count) as speed:
        Loop(account.pk, owner, longest=SECONDS).run()
    over.set()
    ender.join()
    owner.close()
    found = speed()
    retire(campaign)
    return found


def _campaign(account: ExotelAccount, waiting: int) -> Campaign:
    """With calling hours (open now, whatever the hour), so that no check of an intent is idle."""
    hour = datetime.now(UTC).hour
    campaign = people.campaign(
        account,
        max_concurrent=100_000,
        time_zone="UTC",
        zones=["", "Asia/Kolkata"],
        window_start=time_of_day((hour - 2) % 24),
        window_end=time_of_day((hour + 8) % 24),
    )
    fill(campaign, 1, waiting)
    return campaign


def _suppress(people_never_called: int) -> None:
    with connection.cursor() as cursor:
        cursor.execute(_SUPPRESS, [people_never_called])


def fill(campaign: Campaign, first: int, last: int) -> None:
    with connection.cursor() as cursor:
        cursor.execute("SET statement_timeout = 0")
        cursor.execute(_FILL, [campaign.pk, first, last])
        cursor.execute("VACUUM ANALYZE campaigns_campaigncontact")


def retire(campaign: Campaign) -> None:
    CallAttempt.objects.filter(campaign=campaign).update(state=AttemptState.ENDED, slot_released_at=timezone.now())
    Campaign.objects.filter(pk=campaign.pk).update(status="completed")


def _end_calls(campaign_id: int, over: threading.Event) -> None:
    """What callbacks do to slots, in bulk."""
    while not over.wait(0.2):
        now = timezone.now()
        placed = CallAttempt.objects.filter(campaign_id=campaign_id, state=AttemptState.PLACED)
        old = placed.filter(placed_at__lt=now - timedelta(seconds=OPEN_FOR))
        old.update(state=AttemptState.ENDED, outcome="answered", ended_at=now, slot_released_at=now)
    connection.close()
