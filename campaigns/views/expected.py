"""The calls of a day that has not begun: how many in each quarter of an hour, and when nobody is left. Arithmetic.

People are called in the order in which they are due, as intents do it: first calls, then retries whose time has come.
How many are called again is guessed from the share that answered in the last four weeks.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from campaigns import eligibility, tallies
from campaigns.models import Campaign
from campaigns.views.day import Axis
from campaigns.views.plan import per_minute

QUARTER = timedelta(minutes=15)
STEP = timedelta(minutes=5)  # how finely the calling hours are looked at
LOOKED_BACK = timedelta(days=28)
ENOUGH = 50  # calls that a share can be taken from
GUESS = 0.5  # of the calls are answered, where there is no experience
OF_UNANSWERED = {"no-answer": 0.62, "busy": 0.28, "failed": 0.10}  # of the calls that were not
TRIES = 3  # told apart: first, second, third and later
Rules = Mapping[str, tuple[float, timedelta, int]]
_Later = list[tuple[datetime, int, float]]  # (due, try, people), of calls to be made


@dataclass(frozen=True)
class Expected:
    """`slices` are (quarter of an hour, calls by attempt). `ends_at` is None if the day does not see the end.

    `answered` is the share that is reckoned with; `guessed`: there is no experience yet.
    """

    slices: Sequence[tuple[datetime, Sequence[float]]]
    ends_at: datetime | None
    answered: float
    guessed: bool


def expected(campaign: Campaign, people: int, axis: Axis, begins: datetime) -> Expected:
    """From `begins` to the end of the axis, at the fastest that campaign and account can go."""
    share, guessed = _answered(campaign, begins)
    slices, ends_at = _spread(campaign, people, axis, begins, _again(campaign, share))
    return Expected(slices, ends_at, share, guessed)


def _answered(campaign: Campaign, at: datetime) -> tuple[float, bool]:
    """The share of calls that were answered lately on accounts of this kind, and whether it is only a guess."""
    halves = tallies.answers_each_half_hour(campaign.account.kind, at - LOOKED_BACK).values()
    answered, reached = sum(n for n, _ in halves), sum(n for _, n in halves)
    return (answered / reached, False) if reached >= ENOUGH else (GUESS, True)


def _again(campaign: Campaign, answered: float) -> Rules:
    """By outcome with a retry rule: (share of the calls that end so, delay, times)."""
    return {
        rule.outcome: ((1 - answered) * OF_UNANSWERED[rule.outcome], _minutes(rule.delay_minutes), rule.times)
        for rule in campaign.retry_rules.all()
        if rule.outcome in OF_UNANSWERED and rule.times
    }


def _minutes(number: object) -> timedelta:
    return timedelta(minutes=float(str(number)))


def _spread(
    campaign: Campaign, people: int, axis: Axis, begins: datetime, again: Rules
) -> tuple[list[tuple[datetime, list[float]]], datetime | None]:
    """Calls of each quarter hour by attempt, and when nobody is left (None: after this day)."""
    rate = per_minute(campaign) * (STEP / timedelta(minutes=1))
    queue: _Later = [(begins, 1, float(people))]
    slices: dict[datetime, list[float]] = {}
    at, ends_at = axis.start + STEP * ((begins - axis.start) // STEP), None
    while at < axis.end and queue:
        if at >= begins - STEP and eligibility.hours_of(campaign, "", max(at, begins)).open:
            room = rate * (min(at + STEP - begins, STEP) / STEP)
            made = _take(queue, room, at + STEP)
            _put(slices, axis.start + QUARTER * ((at - axis.start) // QUARTER), made)
            _plan_again(queue, made, again, at, campaign.max_attempts)
            if made:
                ends_at = at + STEP * min(1.0, sum(n for _, n in made) / max(rate, 0.001))
        at += STEP
    return sorted(slices.items()), ends_at if sum(n for *_, n in queue) < 0.5 else None


def _take(queue: _Later, room: float, until: datetime) -> list[tuple[int, float]]:
    """Take who is due before `until`, in order, as far as there is room: (try, calls)."""
    queue.sort()
    made = []
    while queue and room > 0 and queue[0][0] < until:
        due, attempt, waiting = queue.pop(0)
        called = min(waiting, room)
        room -= called
        made.append((attempt, called))
        if waiting - called > 0:
            queue.append((due, attempt, waiting - called))
            queue.sort()
    return made


def _put(slices: dict[datetime, list[float]], at: datetime, made: Sequence[tuple[int, float]]) -> None:
    counts = slices.setdefault(at, [0.0] * TRIES)
    for attempt, calls in made:
        counts[min(attempt, TRIES) - 1] += calls


def _plan_again(
    queue: _Later,
    made: Sequence[tuple[int, float]],
    again: Rules,
    at: datetime,
    most: int,
) -> None:
    for attempt, calls in made:
        for share, delay, times in again.values():
            if attempt < most and attempt <= times and calls * share >= 0.01:
                queue.append((at + STEP + delay, attempt + 1, calls * share))
