"""Scheduled: a campaign starts by itself at its time, once, or says why it could not."""

from datetime import UTC, datetime, timedelta

import pytest
from django.db import connections

from campaigns import control, creating, pacing, scheduling, tasks
from campaigns.audit import COMMAND_LINE, Actor
from campaigns.lifecycle import CampaignStatus
from campaigns.models import AuditEntry, Campaign, User
from campaigns.refusals import NotAllowed
from tests import people
from tests.campaigns import plans
from tests.dialing.driving import racing

pytestmark = pytest.mark.django_db
SOON = timedelta(hours=1)


def scheduled(in_time: timedelta = SOON) -> Campaign:
    """A draft with a start time; a negative time has come already."""
    campaign = plans.draft()
    scheduling.schedule(campaign.pk, pacing.db_now() + SOON, by=COMMAND_LINE)
    Campaign.objects.filter(pk=campaign.pk).update(scheduled_at=pacing.db_now() + in_time)
    campaign.refresh_from_db()
    return campaign


def status(of: Campaign) -> str:
    of.refresh_from_db()
    return of.status


def test_a_draft_with_a_time_waits_for_it(meera: User) -> None:
    campaign, at = plans.draft(), pacing.db_now() + SOON
    scheduling.schedule(campaign.pk, at, by=Actor.of(meera))
    assert scheduling.start_due() == 0
    assert (status(campaign), campaign.scheduled_at, campaign.launched_at) == ("scheduled", at, None)
    assert campaign.contacts.count() == 0
    assert AuditEntry.objects.get(action="schedule").actor == meera


def test_it_starts_when_its_time_has_come_and_names_who_planned_it(meera: User) -> None:
    campaign = plans.draft()
    scheduling.schedule(campaign.pk, pacing.db_now() + SOON, by=Actor.of(meera))
    Campaign.objects.filter(pk=campaign.pk).update(scheduled_at=pacing.db_now())
    assert scheduling.start_due() == 1
    assert (status(campaign), campaign.launched_by, campaign.scheduled_at) == ("running", meera, None)
    assert campaign.launched_at is not None
    assert campaign.contacts.count() == 1
    assert AuditEntry.objects.get(action="launch").actor_name == "Dialer"


def test_the_tick_starts_it() -> None:
    campaign = scheduled(-SOON)
    tasks.housekeeping_tick()
    assert status(campaign) == CampaignStatus.RUNNING


@pytest.mark.django_db(transaction=True)
def test_two_ticks_at_once_start_it_once() -> None:
    campaign = scheduled(-SOON)
    assert sum(racing(*[scheduling.start_due] * 4)) == 1
    connections.close_all()
    assert (status(campaign), campaign.generation) == ("running", 1)
    assert AuditEntry.objects.filter(action="launch").count() == 1


def test_another_time_takes_the_place_of_the_first() -> None:
    campaign = scheduled(-SOON)
    later = pacing.db_now() + 2 * SOON
    scheduling.schedule(campaign.pk, later, by=COMMAND_LINE)
    assert scheduling.start_due() == 0
    assert (status(campaign), campaign.scheduled_at) == ("scheduled", later)


def test_what_was_called_off_is_a_draft_and_does_not_start() -> None:
    campaign = scheduled(-SOON)
    scheduling.unschedule(campaign.pk, by=COMMAND_LINE)
    assert scheduling.start_due() == 0
    assert (status(campaign), campaign.scheduled_at) == ("draft", None)


def test_a_click_starts_it_before_its_time_and_the_tick_not_again() -> None:
    campaign = scheduled()
    control.launch(campaign.pk, by=COMMAND_LINE)
    assert scheduling.start_due() == 0
    assert (status(campaign), campaign.scheduled_at) == ("running", None)


def test_stopping_it_before_its_time_cancels_it() -> None:
    campaign = scheduled(-SOON)
    control.stop(campaign.pk, by=COMMAND_LINE)
    assert scheduling.start_due() == 0
    assert status(campaign) == CampaignStatus.CANCELLED


def test_what_cannot_start_when_its_time_has_come_is_a_draft_again_and_says_why() -> None:
    campaign = scheduled(-SOON)
    campaign.lists.first().contacts.all().delete()  # type: ignore[union-attr]
    other = scheduled(-SOON)
    assert scheduling.start_due() == 1
    assert (status(campaign), campaign.paused_by) == ("draft", "Dialer")
    assert "could not: The chosen lists are empty" in campaign.paused_reason
    assert status(other) == CampaignStatus.RUNNING
    people_again = people.contact_list(1)
    creating.update(campaign, plans.plan(campaign.account, lists=[people_again]), by=COMMAND_LINE)
    control.launch(campaign.pk, by=COMMAND_LINE)
    assert (status(campaign), campaign.paused_reason) == ("running", "")


def test_a_campaign_that_could_not_be_launched_cannot_be_planned() -> None:
    campaign = plans.draft()
    campaign.lists.first().contacts.all().delete()  # type: ignore[union-attr]
    with pytest.raises(NotAllowed, match="empty"):
        scheduling.schedule(campaign.pk, pacing.db_now() + SOON, by=COMMAND_LINE)
    assert status(campaign) == CampaignStatus.DRAFT


@pytest.mark.parametrize(("away", "why"), [(-SOON, "has passed"), (timedelta(days=400), "a year ahead")])
def test_a_time_that_is_past_or_far_off_is_refused(away: timedelta, why: str) -> None:
    campaign = plans.draft()
    with pytest.raises(NotAllowed, match=why):
        scheduling.schedule(campaign.pk, pacing.db_now() + away, by=COMMAND_LINE)


@pytest.mark.parametrize("stands", ["running", "paused", "draining", "completed", "cancelled"])
def test_what_was_launched_is_neither_planned_nor_called_off(stands: str) -> None:
    campaign = people.campaign(status=stands)
    with pytest.raises(NotAllowed, match=f"is {stands} already"):
        scheduling.schedule(campaign.pk, pacing.db_now() + SOON, by=COMMAND_LINE)
    with pytest.raises(NotAllowed, match="not scheduled"):
        scheduling.unschedule(campaign.pk, by=COMMAND_LINE)
    assert status(campaign) == stands


class TestMoments:
    @pytest.mark.parametrize(
        ("text", "instant"),
        [
            ("2030-01-02 09:30", datetime(2030, 1, 2, 4, 0, tzinfo=UTC)),
            ("2030-01-02T09:30", datetime(2030, 1, 2, 4, 0, tzinfo=UTC)),
            ("2030-01-02 09:30+00:00", datetime(2030, 1, 2, 9, 30, tzinfo=UTC)),
        ],
    )
    def test_a_time_without_an_offset_is_the_campaigns_clock(self, text: str, instant: datetime) -> None:
        assert scheduling.read_moment(text, plans.draft(time_zone="Asia/Kolkata")) == instant

    def test_an_hour_alone_is_the_next_time_that_it_strikes(self) -> None:
        campaign, now = plans.draft(time_zone="Asia/Kolkata"), pacing.db_now()
        for away in (timedelta(hours=3), timedelta(hours=21)):
            wanted = (now + away).astimezone(UTC)
            local = wanted + timedelta(hours=5, minutes=30)
            found = scheduling.read_moment(f"{local:%H:%M}", campaign)
            assert found == wanted.replace(second=0, microsecond=0)

    @pytest.mark.parametrize("text", ["", "soon", "25:00", "9.30", "2030-13-01 09:30", "2030-01-02 09:30 IST"])
    def test_what_is_no_time_is_refused(self, text: str) -> None:
        with pytest.raises(NotAllowed, match="is not a time"):
            scheduling.read_moment(text, plans.draft())
