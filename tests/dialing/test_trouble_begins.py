"""Trouble that begins in the middle of a campaign that went well, at an ordinary shape, with a clock set by hand: how
many requests leave before it is named. Calls that ring when it begins are out already; talks that began before go on,
and end well while others hear nothing."""

import heapq
import itertools
import random
from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Any

import pytest

from campaigns import breakers, intents, outcomes, pacing, settling, streams
from campaigns.exotel.answers import Accepted
from campaigns.intents import Intent
from campaigns.models import Breaker, CallAttempt, Campaign, EventSource, Mode, Stream
from campaigns.outcomes import Statement
from campaigns.streams import StreamClosing
from tests import people

pytestmark = pytest.mark.django_db
START = datetime.fromisoformat("2026-11-20T12:00:00+00:00")
MOST_POSTS = 20
RING = (3.0, 8.0)  # seconds, as the simulator's
ANSWERED = 0.6  # of those who are called


class Line:
    """A carrier by hand. `fate` decides what becomes of each call that is made from now on."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch, owner: int, campaign: Campaign, seed: int) -> None:
        self._monkeypatch, self._owner, self._campaign = monkeypatch, owner, campaign
        self.random = random.Random(seed)
        self.fate: Callable[[CallAttempt], None] = self.rings
        self.silent = False  # whether who picks up hears nothing
        self.fails_after: float | None = None  # seconds of a stream, when the bot fails
        self.posts: list[datetime] = []
        self.first_sign: datetime | None = None
        self._numbers = itertools.count()
        self._plan: list[tuple[datetime, int, Callable[[], None]]] = []
        self._go(START)

    def _go(self, now: datetime) -> None:
        self.now = now
        self._monkeypatch.setattr(pacing, "CLOCK", f"'{now.isoformat()}'::timestamptz")

    def later(self, seconds: float, act: Callable[[], None]) -> None:
        heapq.heappush(self._plan, (self.now + timedelta(seconds=seconds), next(self._numbers), act))

    def run(self, until: Callable[[], bool], seconds: float = 120.0) -> None:
        """Dial as the loop does, looking ten times a second, and let happen what is due."""
        end = self.now + timedelta(seconds=seconds)
        while not until():
            assert self.now < end, "it did not happen in time"
            while self._plan and self._plan[0][0] <= self.now:
                heapq.heappop(self._plan)[2]()
            while isinstance(step := intents.next_intent(self._campaign.account_id, self._owner), Intent):
                self.posts.append(self.now)
                settling.settle(step.attempt_id, Accepted(f"sid-{step.attempt_id}", 200, "", 0.1))
                self.fate(self._attempt(step.attempt_id))
            self._go(self.now + timedelta(seconds=0.1))

    def _attempt(self, attempt_id: int) -> CallAttempt:
        return CallAttempt.objects.select_related("campaign").get(pk=attempt_id)

    def say(self, attempt: CallAttempt, **said: Any) -> None:
        outcomes.apply(attempt.pk, Statement(source=EventSource.CALLBACK, at=self.now, **said))

    def sign(self) -> None:
        self.first_sign = self.first_sign or self.now

    # What becomes of a call

    def rings(self, attempt: CallAttempt, left: float | None = None) -> None:
        seconds = self.random.uniform(*RING) if left is None else left
        if self.random.random() < ANSWERED:
            self.later(seconds, lambda: self.answers(attempt))
        else:
            self.later(seconds, lambda: self.say(attempt, status="no-answer"))

    def answers(self, attempt: CallAttempt) -> None:
        self.say(attempt, answered=True)
        if not self.silent:
            self.later(0.5, lambda: self.talks(attempt, self.random.uniform(10, 40), 0.0))
            return
        self.sign()
        self.later(20, lambda: self.say(attempt, status="failed"))

    def talks(self, attempt: CallAttempt, seconds: float, so_far: float) -> None:
        """A stream that has started, so many seconds ago, and goes on for so many more, or the bot fails before."""
        began = self.now - timedelta(seconds=so_far)
        stream = Stream.objects.create(attempt=attempt, opened_at=began, started_at=began)
        breakers.stream_started(attempt)
        by, lasts = "bot", seconds
        if self.fails_after is not None and not so_far:
            by, lasts = "error", self.fails_after

        def over() -> None:
            if by == "error":
                self.sign()
            closing = StreamClosing(1000, by, "it broke", so_far + lasts, 1, 1, 1, 1, 0)  # type: ignore[arg-type]
            streams.close_stream(stream.pk, closing)
            self.say(attempt, status="answered")

        self.later(lasts, over)

    def fails(self, attempt: CallAttempt) -> None:
        def over() -> None:
            self.sign()
            self.say(attempt, status="failed")

        self.later(self.random.uniform(1, 4), over)

    # What goes on when the trouble begins

    def in_the_middle(self, ringing: int, talking: int) -> None:
        """The campaign has gone well for long: so many phones ring, so many people talk."""
        for _ in range(talking):
            attempt = self._made(state="answered", answered_at=START - timedelta(seconds=5))
            self.talks(attempt, self.random.uniform(1, 30), 5.0)
        for _ in range(ringing):
            rung = self.random.uniform(0, RING[1])
            attempt = self._made(state="placed", intent_at=START - timedelta(seconds=rung))
            self.rings(attempt, max(self.random.uniform(*RING) - rung, 0.1))

    def _made(self, **fields: Any) -> CallAttempt:
        fields = {"intent_at": START - timedelta(seconds=12)} | fields
        over = START + timedelta(seconds=300)
        contact = people.contact(self._campaign, due_at=START)
        return people.attempt(contact, sid=f"sid-{contact.pk}", slot_expires_at=over, proof_at=over, **fields)


@pytest.fixture
def line_of(owner: int, monkeypatch: pytest.MonkeyPatch) -> Callable[..., Line]:
    def made(seed: int, *, pace: int = 3, slots: int = 30, bot: bool = True) -> Line:
        mode: dict[str, Any] = {"mode": Mode.BOT, "bot": "echo", "flow_url": ""} if bot else {}
        campaign = people.campaign(calls_per_second=pace, max_concurrent=slots, ring_timeout=30, **mode)
        people.contacts(campaign, 200, due_at=START)
        line = Line(monkeypatch, owner, campaign, seed)
        breakers.begin(campaign, trial=False)
        Breaker.objects.update(since=START - timedelta(minutes=5))
        return line

    return made


def held() -> bool:
    return Breaker.objects.filter(held_code=breakers.BOT).exists()


def paused() -> bool:
    return Campaign.objects.filter(status="paused", paused_by="Dialer").exists()


@pytest.mark.parametrize(("pace", "slots", "seed"), [(3, 30, 1), (10, 60, 3)])
def test_a_bot_that_is_out_of_reach_from_now_on_costs_few_posts(
    line_of: Callable[..., Line], pace: int, slots: int, seed: int
) -> None:
    line = line_of(seed, pace=pace, slots=slots)
    line.silent = True
    line.in_the_middle(ringing=slots // 2, talking=slots // 3)
    line.run(until=held)
    assert len(line.posts) <= MOST_POSTS
    assert "no stream came after the person had picked up" in Breaker.objects.get().held_reason
    assert line.now - START < timedelta(seconds=15)


@pytest.mark.parametrize("seed", [1, 2])
def test_a_bot_that_fails_at_once_from_now_on_costs_few_posts_although_older_talks_end_well(
    line_of: Callable[..., Line], seed: int
) -> None:
    line = line_of(seed)
    line.fails_after = 1.0
    line.in_the_middle(ringing=15, talking=12)
    line.run(until=held)
    assert len(line.posts) <= MOST_POSTS


@pytest.mark.parametrize("seed", [1, 2])
def test_bad_numbers_after_good_ones_pause_the_campaign_although_the_good_ones_talk_still(
    line_of: Callable[..., Line], seed: int
) -> None:
    line = line_of(seed, bot=False)
    line.fate = line.fails
    line.in_the_middle(ringing=6, talking=12)
    line.run(until=paused)
    assert breakers.BAD_CALLS <= len(line.posts) <= MOST_POSTS


def test_a_campaign_that_goes_well_keeps_its_pace_though_now_and_then_somebody_hears_nothing(
    line_of: Callable[..., Line],
) -> None:
    line = line_of(4, slots=60)

    def deaf(seconds: float) -> None:
        line.silent = seconds > 0
        line.later(seconds or 4.0, lambda: deaf(0.0 if seconds else 0.8))

    line.in_the_middle(ringing=15, talking=8)
    line.later(1, lambda: deaf(0.8))
    end = START + timedelta(seconds=16)
    line.run(until=lambda: line.now >= end)
    assert line.first_sign
    assert len(line.posts) >= 3 * 16 - 2
    assert not held()
