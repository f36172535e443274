"""Nobody waits longer than the longest that is ever set, from the new now, when the database's clock is set anew."""

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from campaigns import breakers, eligibility, holds, learning, pacing, stream_use
from campaigns.exotel.allowances import RateAllowance
from campaigns.models import Breaker, Campaign, Pacer, StreamUse
from tests import people

NOON = datetime(2026, 7, 1, 12, tzinfo=UTC)
HOUR, MINUTE = timedelta(hours=1), timedelta(minutes=1)
shifts = st.one_of(st.sampled_from([-HOUR, HOUR]), st.timedeltas(-3 * HOUR, 3 * HOUR))


def within(longest: timedelta) -> st.SearchStrategy[datetime]:
    """A time to wait until, as it may be written at NOON."""
    return st.timedeltas(timedelta(), longest).map(lambda wait: NOON + wait)


@pytest.mark.django_db
@settings(deadline=None, max_examples=40)
@given(shifts, within(pacing.LONGEST_BACKOFF), within(2 * MINUTE), st.integers(20, 3_000))
def test_an_account_that_backs_off_goes_on_after_the_longest_retry_after(
    shift: timedelta, backoff_until: datetime, next_dial_at: datetime, limit: int
) -> None:
    account, now = people.account(calls_per_minute=limit), NOON + shift
    pacer = people.pacer(account)
    pacer.backoff_until, pacer.next_dial_at = backoff_until, next_dial_at
    longest = max(pacing.LONGEST_BACKOFF, pacing.FURTHEST)
    for one in (pacer, pacing.mended(pacer, now), people.pacer(account)):  # as a page sees it, the loop, and later
        block = eligibility.account_block(one, account, 0, 0, now)
        assert block is None or (block.until and block.until <= now + longest)
    for later in range(0, 4 * 3600, 600):
        until = pacing.backoff(pacer, now + longest + timedelta(seconds=later))
        assert until is None or until <= now + longest


@pytest.mark.django_db
@settings(deadline=None, max_examples=40)
@given(shifts, within(pacing.LONGEST_REST))
def test_a_held_account_is_probed_after_the_longest_rest(shift: timedelta, probe_at: datetime) -> None:
    now, pacer = NOON + shift, people.pacer(people.account())
    pacer.held_code, pacer.probe_at = holds.UNKNOWNS, probe_at
    for one, later in ((pacer, timedelta()), (pacing.mended(pacer, now), pacing.LONGEST_REST)):
        block = eligibility.hold_block(one, 0, now + later)
        assert block
        assert block.until
        assert not block.held
        assert block.until <= now + pacing.LONGEST_REST


@given(shifts, within(breakers.LONGEST_REST))
def test_a_held_campaign_is_looked_at_after_the_longest_rest(shift: timedelta, probe_at: datetime) -> None:
    now, campaign = NOON + shift, Campaign()
    campaign.breaker = Breaker(held_code=breakers.BOT, probe_at=probe_at)
    block = eligibility.breaker_block(campaign, now)
    assert block
    assert block.until
    assert block.until <= now + breakers.LONGEST_REST


def test_a_time_to_wait_that_a_person_must_end_stays_one() -> None:
    block = eligibility.hold_block(Pacer(account_id=1, held_code="payment", probe_at=None), 0, NOON)
    assert block
    assert (block.held, block.until) == (True, None)


@pytest.mark.django_db
@pytest.mark.parametrize("shift", [-HOUR, HOUR])
def test_a_learnt_and_a_told_limit_are_forgotten_no_later_than_ever(shift: timedelta) -> None:
    pacer = people.pacer(people.account(calls_per_minute=60))
    pacer.learnt_per_minute, pacer.learnt_at, pacer.slowed_at, pacer.learnt_patience = 20, NOON, NOON, 4
    pacer.told_per_minute, pacer.told_at = 30, NOON
    now = NOON + shift
    pacing.mended(pacer, now)
    learning.quiet(pacer, now + 4 * MINUTE + MINUTE)
    assert pacer.learnt_per_minute == 26
    learning.quiet(pacer, now + learning.TOLD_FOR + MINUTE)
    assert pacer.told_per_minute is None


@pytest.mark.django_db
def test_a_429_after_the_clock_was_set_back_counts_as_a_new_one_and_is_obeyed_for_no_longer_than_it_says() -> None:
    account = people.account()
    now = pacing.db_now()
    Pacer.objects.update(backoff_until=now + HOUR, next_details_at=now)
    assert pacing.take_details_turn(account)
    assert pacing.backing_off(account) == 0.0
    holds.back_off(account.pk, 10.0)
    learning.told(people.pacer(account), RateAllowance(60, 0, "20"), now)
    assert 15 < pacing.backing_off(account) <= 20


@pytest.mark.django_db
def test_the_breaker_and_the_streams_are_looked_at_although_the_clock_was_set_back(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(breakers, "our_address_trouble", lambda: "nobody answers there")
    campaign, ahead = people.campaign(), pacing.db_now() + HOUR
    Breaker.objects.create(campaign=campaign, held_code=breakers.BOT, probe_at=ahead, held_since=ahead, tried_at=ahead)
    StreamUse.objects.create(account=campaign.account, asked_at=ahead)
    breakers.look()
    assert Breaker.objects.get().probing
    assert stream_use.read_due() == 1
