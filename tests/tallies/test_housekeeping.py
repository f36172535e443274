"""Folding keeps every sum; a recount mends what is wrong and says so; old minutes are forgotten."""

import logging
from datetime import timedelta

import pytest
from django.utils import timezone

from campaigns import tallies
from campaigns.lifecycle import AttemptState, ContactState, Outcome
from campaigns.models import CampaignContact, Tally
from tests import people

pytestmark = pytest.mark.django_db


def test_folding_leaves_one_row_for_each_count_that_is_not_zero() -> None:
    campaign = people.campaign()
    for state in (ContactState.IN_CALL, ContactState.DONE, ContactState.RETRY):
        people.contact(campaign)
        CampaignContact.objects.filter(campaign=campaign).update(state=state)
    before = tallies.of_campaign(campaign.pk)
    assert tallies.fold(0) > 4
    assert tallies.of_campaign(campaign.pk) == before == {"contact:retry": 3}
    assert Tally.objects.filter(about=f"campaign:{campaign.pk}").count() == 1


def test_a_count_with_few_rows_is_left_alone() -> None:
    people.contacts(people.campaign(), 3)
    assert tallies.fold() == 0


def test_a_recount_of_true_counts_changes_nothing() -> None:
    campaign = people.campaign()
    people.attempt(people.contact(campaign), AttemptState.ENDED, outcome=Outcome.BUSY)
    rows = Tally.objects.count()
    assert tallies.verify(campaign.pk, timezone.now()) == {}
    assert Tally.objects.count() == rows


def test_a_recount_mends_what_is_wrong_and_logs_it(caplog: pytest.LogCaptureFixture) -> None:
    campaign = people.campaign()
    people.contacts(campaign, 3)
    Tally.objects.create(about=f"campaign:{campaign.pk}", measure="contact:done", n=2)
    Tally.objects.filter(measure="contact:pending").update(n=7)
    with caplog.at_level(logging.ERROR):
        mended = tallies.verify(campaign.pk, timezone.now())
    assert mended == {(0, "contact:done"): -2, (0, "contact:pending"): -4}
    assert tallies.of_campaign(campaign.pk) == {"contact:pending": 3}
    assert f"campaign {campaign.pk}" in caplog.text
    assert "contact:done -2" in caplog.text


def test_wrong_counts_of_lists_are_mended(caplog: pytest.LogCaptureFixture) -> None:
    made = people.contact_list(2)
    Tally.objects.create(about=f"list:{made.pk}", measure="people", n=5)
    with caplog.at_level(logging.ERROR):
        assert tallies.verify_people() == {f"list:{made.pk}": -5}
    assert tallies.people_on([made.pk]) == {made.pk: 2}
    assert tallies.verify_people() == {}


def test_running_campaigns_are_recounted_now_and_then(caplog: pytest.LogCaptureFixture) -> None:
    running, paused = people.campaign(), people.campaign(status="paused")
    for campaign in (running, paused):
        Tally.objects.create(about=f"campaign:{campaign.pk}", measure="goal", n=1)
    with caplog.at_level(logging.ERROR):
        tallies.verify_some(timezone.now())
    assert tallies.of_campaign(running.pk) == {}
    assert tallies.of_campaign(paused.pk) == {"goal": 1}


def test_minutes_are_forgotten_after_two_days_and_not_missed_by_a_recount() -> None:
    campaign = people.campaign()
    old = timezone.now() - timedelta(days=3)
    people.attempt(people.contact(campaign), AttemptState.ENDED, outcome=Outcome.BUSY, intent_at=old)
    assert tallies.since([campaign.pk], old)["dialled"] == 1
    assert tallies.forget_old_minutes(timezone.now()) == 2
    assert tallies.since([campaign.pk], old) == {}
    assert tallies.verify(campaign.pk, timezone.now()) == {}
    assert tallies.of_campaign(campaign.pk)["attempt:ended:busy"] == 1
