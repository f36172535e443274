"""More accounts with people to dial than threads that dial: each gets its turn, and the page says who waits for one."""

from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import pytest
from django.utils import timezone

from campaigns import heartbeat, pacing, progress, rota
from campaigns.eligibility import Block
from campaigns.intents import Wait
from campaigns.models import CallAttempt, Campaign, Heartbeat, Pacer
from campaigns.owners import Owner
from tests import people
from tests.dialing.driving import Simulator, simulator, ticking, until


@pytest.fixture
def exotel(tmp_path: Path) -> Iterator[Simulator]:
    with simulator(tmp_path).up() as running:
        yield running


def long_wait() -> Wait:
    return Wait(Block("hours", "closed", until=timezone.now() + timedelta(hours=3)), 1.0)


def short_wait() -> Wait:
    return Wait(Block("account-pace", "soon", until=timezone.now() + timedelta(seconds=0.2)), 0.2)


@pytest.fixture
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    """Turns of moments."""
    for name, seconds in (("LOOK_EVERY", 0.0), ("TURN", 0.1), ("PATIENCE", 0.05)):
        monkeypatch.setattr(rota, name, seconds)


@pytest.mark.django_db(transaction=True)
@pytest.mark.usefixtures("unhurried", "quick")
def test_three_accounts_get_their_calls_from_two_loops(exotel: Simulator) -> None:
    accounts = [people.account(api_url=exotel.options.base_url) for _ in range(3)]
    campaigns = [people.campaign(account, calls_per_second=5) for account in accounts]
    for campaign in campaigns:
        people.contacts(campaign, 150)
    with ticking(loops=2):
        until(lambda: all(campaign.attempts.filter(state="placed").exists() for campaign in campaigns), seconds=20)
        assert all(campaign.contacts.filter(state="pending").exists() for campaign in campaigns), "it took too long"
    assert not exotel.ledger.doubles()


@pytest.mark.django_db(transaction=True)
@pytest.mark.usefixtures("unhurried")
def test_accounts_that_must_wait_for_long_keep_no_thread_from_one_that_may_dial(
    exotel: Simulator, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(rota, "LOOK_EVERY", 0.1)
    for _ in range(2):
        held = people.campaign(people.account())
        people.contacts(held, 1)
        Pacer.objects.filter(account=held.account).update(backoff_until=timezone.now() + timedelta(minutes=5))
    free = people.campaign(people.account(api_url=exotel.options.base_url))
    people.contacts(free, 1)
    with ticking(loops=1):
        until(lambda: free.attempts.filter(state="placed").exists(), seconds=20)
    assert len(exotel.ledger.calls) == CallAttempt.objects.count() == 1


@pytest.mark.django_db
def test_who_was_driven_longest_ago_comes_first_and_who_never_was_before_all() -> None:
    late, early, never = (people.campaign(people.account()).account for _ in range(3))
    people.campaign(people.account(), status="paused")
    now = timezone.now()
    Pacer.objects.filter(account=late).update(loop_seen_at=now)
    Pacer.objects.filter(account=early).update(loop_seen_at=now - timedelta(minutes=1))
    assert rota.accounts_with_work() == [never.pk, early.pk, late.pk]


@pytest.mark.django_db
@pytest.mark.usefixtures("quick")
def test_a_loop_leaves_for_an_account_that_waits_and_not_without_one() -> None:
    mine = people.campaign(people.account()).account
    stay = rota.Stay(mine.pk)
    assert not stay.over(long_wait())
    people.campaign(people.account())
    assert stay.over(long_wait())


@pytest.mark.django_db
def test_one_that_dials_leaves_after_its_turn_only(monkeypatch: pytest.MonkeyPatch) -> None:
    mine = people.campaign(people.account()).account
    people.campaign(people.account())
    clock = iter([100.0, 101.0, 104.9, 105.95, 106.0])
    with monkeypatch.context() as hands:
        hands.setattr(rota, "monotonic", lambda: next(clock))
        stay = rota.Stay(mine.pk)
        assert [stay.over(short_wait()) for _ in range(4)] == [False, False, True, False]


@pytest.mark.django_db
def test_an_account_that_is_driven_or_needs_a_person_waits_for_no_thread() -> None:
    mine, driven, held = (people.campaign(people.account()).account for _ in range(3))
    Pacer.objects.filter(account=held).update(held_code="payment", held_reason="no money", probe_at=None)
    owner = Owner()
    try:
        assert owner.take_account(driven.pk)
        assert pacing.driven() == {driven.pk}
        assert not rota.somebody_waits(besides=mine.pk)
        owner.give_account(driven.pk)
        assert rota.somebody_waits(besides=mine.pk)
    finally:
        owner.close()


# ---------------------------------------------------------------------------------------------------------------- why
def why(campaign: Campaign) -> progress.Waiting | None:
    return progress.waiting(Campaign.objects.select_related("account").get(pk=campaign.pk))


@pytest.mark.django_db
def test_who_waits_for_a_thread_is_told_so_and_needs_nobody() -> None:
    now = timezone.now()
    driven, waits = people.campaign(people.account()), people.campaign(launched_at=now - timedelta(minutes=1))
    Pacer.objects.filter(account=driven.account).update(loop_seen_at=now)
    Heartbeat.objects.create(name=heartbeat.DIAL, seen_at=now - timedelta(seconds=30))
    found = why(waits)
    assert found is not None
    assert (found.held, found.code) == (False, "no-thread")
    assert found.reason == "Every dialling thread drives another account now; the turn of this one comes."
    assert "worker" in found.hint


@pytest.mark.django_db
def test_an_account_that_nobody_drives_although_threads_are_free_is_another_trouble() -> None:
    now = timezone.now()
    driven, waits = people.campaign(people.account()), people.campaign(launched_at=now - timedelta(minutes=1))
    Pacer.objects.filter(account=driven.account).update(loop_seen_at=now)
    Heartbeat.objects.create(name=heartbeat.DIAL, seen_at=now - timedelta(seconds=5))
    found = why(waits)
    assert found is not None
    assert (found.held, found.code) == (True, "no-worker")
