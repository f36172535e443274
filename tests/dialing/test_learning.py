"""An account that is tighter than it is set to: what it says, what its refusals teach, and how the pace comes back."""

from datetime import datetime, timedelta
from pathlib import Path

import pytest

from campaigns import learning, pacing, progress, settling
from campaigns.exotel.allowances import RateAllowance
from campaigns.exotel.answers import Accepted, RefusalKind, Refused
from campaigns.models import AuditEntry, ExotelAccount, Pacer
from tests import people
from tests.dialing.driving import simulator, ticking, until

pytestmark = pytest.mark.django_db
START = datetime.fromisoformat("2026-11-20T12:00:00+00:00")


def account(**fields: int) -> ExotelAccount:
    return people.account(**{"calls_per_minute": 100} | fields)


def too_fast(of: ExotelAccount, minute: float) -> Pacer:
    pacer = people.pacer(of)
    learning.too_fast(pacer, START + timedelta(minutes=minute))
    return people.pacer(of)


def quiet(of: ExotelAccount, minute: float) -> Pacer:
    pacer = people.pacer(of)
    learning.quiet(pacer, START + timedelta(minutes=minute))
    return people.pacer(of)


def test_a_single_429_lowers_nothing() -> None:
    of = account()
    assert too_fast(of, 0).learnt_per_minute is None
    assert too_fast(of, 11).learnt_per_minute is None


def test_a_second_one_soon_after_lowers_the_pace_by_three_tenths_at_most_and_says_why() -> None:
    of = account()
    too_fast(of, 0)
    pacer = too_fast(of, 2)
    assert pacer.learnt_per_minute == 70
    assert pacing.dial_step(of, pacer) == timedelta(seconds=60 / 63)
    assert "70 requests a minute are made for now, not 100" in learning.why_slower(of, pacer)
    assert AuditEntry.objects.filter(action="slower").count() == 1
    assert progress.pulse(of).limit == 63


def test_the_pace_falls_once_a_minute_and_not_below_six() -> None:
    of = account()
    for minute in (0, 1, 1.2, 1.4):
        pacer = too_fast(of, minute)
    assert pacer.learnt_per_minute == 70
    for minute in range(3, 60):
        pacer = too_fast(of, minute)
    assert pacer.learnt_per_minute == learning.FEWEST
    assert AuditEntry.objects.filter(action="slower").count() == 1


def test_it_does_not_fall_below_what_exotel_took_in_the_last_minute() -> None:
    of = account()
    too_fast(of, 0)
    campaign = people.campaign(of)
    for person in people.contacts(campaign, 72):
        people.attempt(person, "placed", intent_at=START + timedelta(minutes=1.5))
    assert too_fast(of, 2).learnt_per_minute == 80


def test_an_account_that_is_set_to_less_than_six_keeps_what_it_is_set_to() -> None:
    of = account(calls_per_minute=4)
    for minute in range(5):
        pacer = too_fast(of, minute)
    assert pacer.learnt_per_minute is None


def test_after_quiet_minutes_the_pace_rises_to_what_is_set_and_all_is_forgotten() -> None:
    of = account()
    too_fast(of, 0)
    too_fast(of, 2)
    assert quiet(of, 2.5).learnt_per_minute == 70
    assert quiet(of, 3).learnt_per_minute == 80
    assert quiet(of, 3.5).learnt_per_minute == 80
    assert quiet(of, 4).learnt_per_minute == 90
    pacer = quiet(of, 5)
    assert (pacer.learnt_per_minute, pacer.learnt_patience) == (None, 1)
    assert AuditEntry.objects.filter(action="full pace").count() == 1


def test_refusals_grow_with_the_logarithm_of_the_time() -> None:
    """Against an account with 50 requests a minute that is set to 100, for a day: whoever asks for more is refused."""
    of = account()
    refused = 0
    for minute in range(24 * 60):
        pacer = people.pacer(of)
        if pacing.allowed(of, pacer) > 50:
            refused += 1
            too_fast(of, minute)
        else:
            quiet(of, minute)
    assert refused <= 35
    assert people.pacer(of).learnt_patience == learning.MOST_PATIENCE


def test_the_limit_that_an_answer_names_bounds_the_pace() -> None:
    campaign = people.campaign(account())
    answer = Accepted("sid-1", 200, "", 0.1, RateAllowance(40, 39, "60"))
    settling.settle_all(campaign.account_id, [(people.attempt(people.contact(campaign)).pk, answer)])
    pacer = people.pacer(campaign.account)
    assert pacing.allowed(campaign.account, pacer) == 40
    assert pacer.backoff_until is None
    assert "Exotel says that the account has 40 requests a minute" in learning.why_slower(campaign.account, pacer)


def test_a_limit_that_is_higher_than_what_is_set_raises_nothing() -> None:
    of = account()
    learning.told(people.pacer(of), RateAllowance(500, 400, ""), START)
    assert pacing.allowed(of, people.pacer(of)) == 100
    assert not AuditEntry.objects.filter(action="slower").exists()


def test_a_limit_that_is_named_no_more_is_forgotten_after_an_hour() -> None:
    of = account()
    learning.told(people.pacer(of), RateAllowance(40, 39, ""), START)
    assert quiet(of, 59).told_per_minute == 40
    assert quiet(of, 61).told_per_minute is None


def test_with_no_request_left_the_account_waits_for_the_reset_and_a_minute_at_most() -> None:
    of = account()
    learning.told(people.pacer(of), RateAllowance(None, 0, "9999"), START)
    pacer = people.pacer(of)
    assert (pacer.backoff_until, pacer.backoff_reason) == (START + timedelta(seconds=60), learning.USED_UP)


def test_a_shorter_reset_cuts_no_wait() -> None:
    of = account()
    Pacer.objects.update(backoff_until=START + timedelta(minutes=5))
    learning.told(people.pacer(of), RateAllowance(None, 0, "5"), START)
    assert people.pacer(of).backoff_until == START + timedelta(minutes=5)


def test_a_429_that_says_how_long_to_wait_teaches_as_any_other() -> None:
    campaign = people.campaign(account())
    for _ in range(2):
        attempt = people.attempt(people.contact(campaign))
        answer = Refused(429, "slow", "", None, RefusalKind.RATE_LIMITED, rate=RateAllowance(None, 0, "30"))
        settling.settle(attempt.pk, answer)
        Pacer.objects.update(backoff_until=attempt.intent_at, slowed_at=attempt.intent_at - timedelta(minutes=2))
    pacer = people.pacer(campaign.account)
    assert (pacer.backoff_seconds, pacer.learnt_per_minute) == (2, 70)


def test_a_limit_of_one_request_does_not_stop_the_account_for_an_hour() -> None:
    of = account()
    learning.told(people.pacer(of), RateAllowance(1, 1, ""), START)
    pacer = people.pacer(of)
    assert pacing.allowed(of, pacer) == learning.FEWEST
    assert "6 requests a minute" in learning.why_slower(of, pacer)


def test_a_limit_that_is_another_with_each_answer_is_told_of_once() -> None:
    of = account()
    for limit in (40, 500, 40, 39, 40):
        learning.told(people.pacer(of), RateAllowance(limit, 9, ""), START)
    assert pacing.allowed(of, people.pacer(of)) == 40
    assert AuditEntry.objects.filter(action="slower").count() == 1


def test_a_429_says_both_how_long_and_how_many() -> None:
    campaign = people.campaign(account())
    answer = Refused(429, "slow", "", 3.0, RefusalKind.RATE_LIMITED, rate=RateAllowance(30, 0, "2"))
    settling.settle(people.attempt(people.contact(campaign)).pk, answer)
    pacer = people.pacer(campaign.account)
    assert (pacer.told_per_minute, pacer.backoff_reason) == (30, "")
    assert pacer.backoff_until is not None


@pytest.mark.django_db(transaction=True)
@pytest.mark.usefixtures("unhurried")
def test_a_campaign_completes_against_a_tighter_account_with_few_refusals(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The carrier's minute lasts a second here, and takes 10 requests; the account is set to 30 of them."""
    monkeypatch.setattr(learning, "MINUTE", timedelta(seconds=1))
    with simulator(tmp_path, speed=60.0, calls_per_minute=10, latency=0.1).up() as exotel:
        campaign = people.campaign(people.account(api_url=exotel.options.base_url, calls_per_minute=30 * 60))
        people.contacts(campaign, 80)
        with ticking():
            until(lambda: campaign.attempts.filter(state="placed").count() == 80, seconds=120)
    ledger = exotel.ledger
    assert not ledger.doubles()
    spells = AuditEntry.objects.filter(action="slower").count()
    refused = campaign.attempts.filter(reason_code="rate-limited").count()
    assert spells >= 1
    assert refused <= 30
