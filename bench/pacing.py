"""How exactly the pace is kept, on the carrier's own ledger: 60 seconds at 3, 10, 50 and 200 calls a second, each with
1, 2 and 4 workers (real Celery ones, driven by ticks as beat sends them), and with Redis emptied in the middle.

CASES="200/s" measures only those whose name begins so. A quarter of an hour for all.
"""

import bisect
import contextlib
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import redis
from django.conf import settings

from bench.carrier import carrier, ledger_of
from bench.dispatch import fill, retire
from bench.table import Row
from campaigns import pacing
from campaigns.models import Campaign
from dialer.celery import app
from tests import people

SECONDS = float(os.environ.get("BENCH_SECONDS", "60"))
START_WITHIN = 60.0  # seconds until the first call
WARM = 2.0  # seconds after the first call until the room for POSTs has grown
ANSWER_MS = 20


@dataclass(frozen=True)
class Case:
    """`limit` is of the account's requests a minute: so high that the campaign's pace is what bounds, unless told."""

    per_second: int
    workers: int = 1
    flush: bool = False
    limit: int = 60_000

    def __str__(self) -> str:
        what = f"{self.per_second}/s" if self.limit >= 60_000 else f"{self.limit} a minute"
        return f"{what}, {self.workers} worker{'s' if self.workers > 1 else ''}{', FLUSHALL' if self.flush else ''}"


CASES = (
    *(Case(rate, workers) for rate in (3, 10, 50, 200) for workers in (1, 2, 4)),
    Case(10, 2, flush=True),
    Case(50, 1, flush=True),
    Case(50, limit=200),
)


def measure(_runs: int) -> list[Row]:
    """The rows of the part; each case runs once, for a minute."""
    rows = []
    for case in CASES:
        if not str(case).startswith(os.environ.get("CASES", "")):
            continue
        arrived = _arrivals(case)
        allowed = case.per_second if case.limit >= 60_000 else case.limit * pacing.DIAL_SHARE / 60
        rows += [
            Row(f"{case}: delivered of the pace", "", [delivered(arrived) / allowed]),
            Row(f"{case}: most in a sliding second", "calls", [most_within(arrived, 1.0)]),
            Row(f"{case}: most in a sliding minute", "calls", [most_within(arrived, 60.0)]),
        ]
    return rows


def delivered(arrived: Sequence[float]) -> float:
    """Calls a second from the first to the last."""
    return (len(arrived) - 1) / (arrived[-1] - arrived[0])


def most_within(arrived: Sequence[float], seconds: float) -> int:
    return max(bisect.bisect_right(arrived, first + seconds) - at for at, first in enumerate(arrived))


def _arrivals(case: Case) -> list[float]:
    """When the requests of a run came in, by the carrier's clock, without the first moments."""
    with carrier(ANSWER_MS) as address:
        account = people.account(api_url=address, calls_per_minute=case.limit, max_concurrent=100_000)
        campaign = people.campaign(account, calls_per_second=case.per_second, max_concurrent=100_000)
        fill(campaign, 1, int(case.per_second * (SECONDS + WARM) * 1.2) + 100)
        with _workers(case.workers), _ticks():
            first = time.monotonic() + START_WITHIN  # workers take their time to start
            while not ledger_of(address):
                if time.monotonic() > first:
                    raise SystemExit(f"{case}: no call within {START_WITHIN:.0f} s; do the workers start?")
                time.sleep(0.1)
            time.sleep(WARM + SECONDS / 2)
            if case.flush:
                redis.Redis.from_url(settings.REDIS_URL).flushall()
            time.sleep(SECONDS / 2)
            Campaign.objects.filter(pk=campaign.pk).update(status="completed")
        retire(campaign)  # its people are the next case's too
        arrived = ledger_of(address)
    return [at for at in arrived if at >= arrived[0] + WARM]


@contextlib.contextmanager
def _workers(number: int) -> Iterator[None]:
    """Celery workers as the supervisor starts them."""
    command = [sys.executable, "-m", "celery", "-q", "-A", "dialer", "worker", "-Q", "dial", "-P", "threads", "-c", "8"]
    quiet = ["--without-gossip", "--without-mingle", "--without-heartbeat", "-l", "error"]
    running = [subprocess.Popen([*command, "-n", f"dial{place}@%h", *quiet]) for place in range(number)]
    try:
        yield
    finally:
        for worker in running:
            worker.send_signal(signal.SIGTERM)
        for worker in running:
            worker.wait(30)


@contextlib.contextmanager
def _ticks() -> Iterator[None]:
    """A tick each second and worker, as several beats would send them."""
    over = threading.Event()

    def tick() -> None:
        while not over.wait(1.0):
            for _ in range(4):
                app.send_task("campaigns.tasks.dial_tick", expires=2)

    ticker = threading.Thread(target=tick)
    ticker.start()
    try:
        yield
    finally:
        over.set()
        ticker.join()
