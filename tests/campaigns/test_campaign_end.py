"""A campaign's own end: from then on nobody is called, who waits is skipped with the reason, and it completes."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from django.utils import timezone

from campaigns import adjusting, control, enrolling, intents, progress, scheduling, stalls, why
from campaigns.audit import COMMAND_LINE
from campaigns.intents import Intent, Wait
from campaigns.lifecycle import AttemptState, CampaignStatus, ContactState, advance
from campaigns.models import Campaign, Heartbeat
from campaigns.owners import Owner
from campaigns.refusals import NotAllowed
from tests import people
from tests.campaigns import plans

pytestmark = pytest.mark.django_db


def ago(seconds: float = 1) -> datetime:
    return timezone.now() - timedelta(seconds=seconds)


def status(campaign: Campaign) -> str:
    campaign.refresh_from_db()
    return campaign.status


def next_step(campaign: Campaign) -> Intent | Wait:
    owner = Owner()
    try:
        return intents.next_intent(campaign.account_id, owner.number)
    finally:
        owner.close()


def test_nobody_is_dialled_from_the_end_on() -> None:
    campaign = people.campaign(ends_at=ago())
    people.contact(campaign)
    step = next_step(campaign)
    assert isinstance(step, Wait)
    assert step.block.code == "ended"


def test_before_the_end_people_are_dialled() -> None:
    campaign = people.campaign(ends_at=ago(-60))
    people.contact(campaign)
    assert isinstance(next_step(campaign), Intent)


def test_who_waits_is_skipped_with_the_reason_and_the_campaign_completes() -> None:
    campaign = people.campaign(ends_at=ago())
    people.contact(campaign)
    people.contact(campaign, state=ContactState.RETRY)
    control.finish_all()
    assert status(campaign) == CampaignStatus.COMPLETED
    assert set(campaign.contacts.values_list("state", "reason_code", "reason")) == {
        (ContactState.SKIPPED, "ended", "The campaign’s end was reached.")
    }


def test_it_completes_only_when_the_last_call_has_ended() -> None:
    campaign = people.campaign(ends_at=ago())
    attempt = people.attempt(people.contact(campaign), AttemptState.ANSWERED)
    control.finish_all()
    assert status(campaign) == CampaignStatus.RUNNING
    type(attempt).objects.update(state=AttemptState.ENDED)
    campaign.contacts.update(state=ContactState.DONE)
    control.finish_all()
    assert status(campaign) == CampaignStatus.COMPLETED


def test_nobody_is_added_to_the_queue_after_the_end() -> None:
    campaign = people.campaign(lists=[people.contact_list(3)], ends_at=ago())
    control.finish_all()
    assert not enrolling.enrol_all()
    assert status(campaign) == CampaignStatus.COMPLETED


def test_a_campaign_whose_end_has_passed_is_not_launched() -> None:
    with pytest.raises(NotAllowed, match="end has passed already"):
        control.launch(plans.draft(ends_at=ago()).pk, by=COMMAND_LINE)


def test_it_is_not_planned_to_start_after_its_end() -> None:
    campaign = plans.draft(ends_at=ago(-60))
    with pytest.raises(NotAllowed, match="comes before its start"):
        scheduling.schedule(campaign.pk, ago(-120), by=COMMAND_LINE)


def test_a_paused_campaign_is_not_resumed_after_its_end_but_with_a_later_one() -> None:
    campaign = people.campaign(status="paused", ends_at=ago())
    people.contact(campaign)
    with pytest.raises(NotAllowed, match="set a later end first"):
        control.resume(campaign.pk, by=COMMAND_LINE)
    adjusting.adjust(campaign.pk, ends_at=ago(-60), by=COMMAND_LINE)
    control.resume(campaign.pk, by=COMMAND_LINE)
    assert isinstance(next_step(campaign), Intent)


def test_a_running_campaign_whose_end_was_reached_takes_no_later_one() -> None:
    """Its people are being skipped: a later end would lose those who were skipped already without a word."""
    campaign = people.campaign(ends_at=ago())
    people.contact(campaign)
    with pytest.raises(NotAllowed, match="Duplicate it"):
        adjusting.adjust(campaign.pk, ends_at=ago(-60), by=COMMAND_LINE)
    campaign.refresh_from_db()
    assert campaign.ends_at
    assert campaign.ends_at < timezone.now()


def test_whose_end_is_moved_while_people_are_skipped_loses_nobody_else(monkeypatch: pytest.MonkeyPatch) -> None:
    campaign = people.campaign(ends_at=ago())
    people.contacts(campaign, 4)

    def moved(*args: Any, **said: Any) -> int:
        """The first chunk is skipped; then a person pauses the campaign and names a later end."""
        skipped = advance(*args, **said)
        Campaign.objects.filter(pk=campaign.pk).update(status="paused", ends_at=ago(-600))
        return skipped

    monkeypatch.setattr(control, "SKIP_CHUNK", 1)
    monkeypatch.setattr(control, "advance", moved)
    control.finish_all()
    assert campaign.contacts.filter(state=ContactState.PENDING).count() == 3
    assert status(campaign) == CampaignStatus.PAUSED


def test_people_proved_never_dialled_are_not_put_back_in_line_after_it() -> None:
    campaign = people.campaign(status="completed", ends_at=ago())
    people.contact(campaign, state=ContactState.UNCERTAIN, reason_code="not-placed")
    with pytest.raises(NotAllowed, match="Duplicate it"):
        control.dial_uncertain(campaign.pk, by=COMMAND_LINE)


class TestToldAs:
    def test_why_a_person_is_not_called(self) -> None:
        contact = people.contact(Campaign.objects.get(pk=people.campaign(ends_at=ago()).pk))
        answer = why.explain(contact)
        assert (answer.state, answer.stop and answer.stop.code) == ("never", "end")

    def test_the_end_by_the_campaigns_clock_while_it_is_still_ahead(self) -> None:
        campaign = people.campaign(ends_at=datetime(2099, 12, 1, 12, 30, tzinfo=UTC), time_zone="Asia/Kolkata")
        contact = people.contact(Campaign.objects.get(pk=campaign.pk))
        [check] = [check for check in why.explain(contact).checks if check.code == "end"]
        assert (check.state, check.detail) == ("ok", "ends 01 Dec 2099, 18:00 Asia/Kolkata")

    def test_why_a_person_whose_retry_comes_after_the_end_is_not_called(self) -> None:
        campaign = people.campaign(ends_at=ago(-60))
        campaign.refresh_from_db()
        contact = people.contact(campaign, state=ContactState.RETRY, due_at=ago(-600))
        answer = why.explain(contact)
        assert answer.stop
        assert (answer.state, answer.stop.detail) == ("never", "The campaign ends before the next call could be made.")

    def test_why_the_campaign_does_not_dial(self) -> None:
        campaign = people.campaign(ends_at=ago())
        people.contact(campaign)
        pacer = people.pacer(campaign.account)
        block = stalls.reason(campaign, pacer, {}, timezone.now())
        assert block
        assert block.reason == "The campaign’s end was reached."

    def test_a_page_says_what_happens_then(self) -> None:
        campaign = people.campaign(ends_at=ago())
        people.contact(campaign)
        Heartbeat.objects.all().delete()
        type(people.pacer(campaign.account)).objects.update(loop_seen_at=timezone.now())
        waiting = progress.waiting(campaign)
        assert waiting
        assert (waiting.code, waiting.held) == ("ended", False)
        assert "Who was not called is skipped" in waiting.hint
