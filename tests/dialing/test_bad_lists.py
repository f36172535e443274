"""When the numbers of a list look bad: how soon a bad one is known, and how often a usual one is taken for bad, by a
clock set by hand."""

import heapq
import random
from collections.abc import Callable
from dataclasses import dataclass

import pytest

from campaigns import breakers
from campaigns.bad_lists import Made, bad_calls

RINGS = (8.0, 60.0)  # seconds until a good number's call is over
SLOW = (1.0, 6.0)  # seconds until a bad number fails


@dataclass
class Dialled:
    made_at: float
    fails: bool
    ends_at: float

    def looks(self, now: float) -> Made:
        if now < self.ends_at:
            return Made(None, now - self.made_at)
        return Made(self.fails, self.ends_at - self.made_at)


def dialled(calls: int, share: Callable[[int], float], seed: int, pace: float) -> tuple[int | None, float]:
    """Make so many calls, `pace` a second, the nth bad with a chance of share(n).

    After which call the list counts as bad (None: never), and at which part of the ends there was doubt.
    """
    chance, made, ends = random.Random(seed), list[Dialled](), list[float]()
    looks, doubts = 0, 0
    for number in range(calls):
        now = number / pace
        while ends and ends[0] <= now:
            at = heapq.heappop(ends)
            bad = bad_calls([one.looks(at) for one in made[-100:]])
            looks, doubts = looks + 1, doubts + (bad >= breakers.DOUBTFUL_CALLS)
            if bad >= breakers.BAD_CALLS:
                return number, doubts / looks
        fails = chance.random() < share(number)
        ends_at = now + chance.uniform(*(SLOW if fails else RINGS))
        made.append(Dialled(now, fails, ends_at))
        heapq.heappush(ends, ends_at)
    return None, doubts / max(looks, 1)


@pytest.mark.parametrize("pace", [3.0, 10.0])
@pytest.mark.parametrize("share", [0.2, 0.3])
def test_a_list_with_a_usual_share_of_bad_numbers_is_never_taken_for_bad(share: float, pace: float) -> None:
    for seed in range(2):
        found, doubted = dialled(1_000, lambda _: share, seed, pace)
        assert found is None
        assert doubted < 0.01


def test_bad_numbers_after_good_ones_are_known_when_the_twelfth_of_them_has_failed() -> None:
    for seed in range(5):
        found, _ = dialled(200, lambda number: number >= 100, seed, pace=1.0)
        assert found
        assert 112 <= found <= 120


def test_what_ended_well_later_but_was_called_before_excuses_nothing() -> None:
    good, bad = Made(failed=False), Made(True, 2.0)
    assert bad_calls([good] * 50 + [bad] * 12) == 12
    assert bad_calls([bad] * 12 + [good] * 4) == 0


def test_a_call_that_rings_for_longer_than_any_took_to_fail_is_a_good_one() -> None:
    failed = [Made(True, 1.0), Made(True, 4.0)] * 3
    assert bad_calls([*failed, Made(None, 5.0)]) == 3
    assert bad_calls([*failed, Made(None, 2.0)]) == 5
    assert bad_calls([*failed, Made(None, 0.5)]) == 6


def test_calls_of_which_none_failed_say_nothing_bad() -> None:
    assert bad_calls([Made(None, 30.0), Made(failed=False)]) == 0
