"""Whether the numbers of a list are bad, by its last calls in the order in which they were made.

A number that does not exist fails within seconds; a good one rings and talks for a minute. In the order in which calls
end, the talks with those who were called before would speak for numbers that were called after them, and a few bad
numbers would stand together although good ones, which ring still, lie between. So calls are judged in the order in
which they were made, and one that is still open speaks as well: a number that has outlasted each that failed is good.

A call that failed counts one, and one that rang takes GOOD_TAKES away, never below none: four of five must fail for
long. One that is open takes YOUNG_TAKES as soon as some have failed sooner.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from campaigns.lifecycle import AttemptState, Outcome
from campaigns.models import CallAttempt, Campaign

LOOK_BACK = 100  # calls: who was called before them says nothing about who is called now
GOOD_TAKES, YOUNG_TAKES = 3, 1
_RANG = (Outcome.ANSWERED, Outcome.BUSY, Outcome.NO_ANSWER)
_FIELDS = ("state", "outcome", "intent_at", "ended_at", "answered_at", "talk_seconds", "contradiction")


@dataclass(frozen=True)
class Made:
    """A call as far as it tells about its number. `failed`: None while it is open; `seconds`: how long it took so far,
    or until it failed."""

    failed: bool | None
    seconds: float = 0.0


def bad_calls(made: Sequence[Made]) -> int:
    """How bad the list looks after these calls, which are in the order in which they were made."""
    took = [call.seconds for call in made if call.failed]
    if not took:
        return 0
    soonest, latest, bad = min(took), max(took), 0
    for call in made:
        if call.failed:
            bad += 1
        elif call.failed is False or call.seconds > latest:
            bad = max(bad - GOOD_TAKES, 0)
        elif call.seconds > soonest:
            bad = max(bad - YOUNG_TAKES, 0)
    return bad


def latest_failure(made: Iterable[Made]) -> timedelta:
    """How long the slowest of the numbers that failed took; an open call that is older is none of them."""
    return timedelta(seconds=max((call.seconds for call in made if call.failed), default=0.0))


def last_calls(campaign: Campaign, since: datetime | None, now: datetime) -> list[Made]:
    """The campaign's last calls that tell something, of after `since`, in the order in which they were made."""
    rows = CallAttempt.objects.filter(campaign=campaign)
    if since is not None:
        rows = rows.filter(intent_at__gt=since)
    last = rows.only(*_FIELDS).order_by("-intent_at", "-pk")[:LOOK_BACK]
    told = [_told(attempt, now) for attempt in last]
    return [one for one in reversed(told) if one is not None]


def _told(attempt: CallAttempt, now: datetime) -> Made | None:
    """What the attempt tells about its number; None where that is nothing."""
    if attempt.answered_at or attempt.talk_seconds or attempt.outcome in _RANG:
        return Made(failed=False)
    if attempt.state == AttemptState.PLACED:
        return Made(None, (now - attempt.intent_at).total_seconds())
    # What is flagged may be our own word for a call of which Exotel never told.
    failed = attempt.outcome == Outcome.FAILED and not attempt.contradiction
    if failed or attempt.outcome == Outcome.REFUSED:
        return Made(failed=True, seconds=((attempt.ended_at or now) - attempt.intent_at).total_seconds())
    return None
