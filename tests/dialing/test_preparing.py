"""What the bot will say is rendered before anybody is dialled, a little ahead and for everybody in turn."""

import os
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from django.conf import settings

from campaigns import intents, pacing, preparing
from campaigns.intents import Intent
from campaigns.models import Campaign, CampaignContact
from tests import people

pytestmark = pytest.mark.django_db
SAYS = {"message": "Hello {name}.", "keys": ""}


def speaking(**fields: Any) -> Campaign:
    return people.campaign(**{"mode": "bot", "bot": "announcer", "bot_options": SAYS} | fields)


def test_nobody_is_dialled_before_the_message_is_ready(owner: int) -> None:
    campaign = speaking()
    people.contact(campaign, prepared=False, name="Asha")
    step = intents.next_intent(campaign.account_id, owner)
    assert not isinstance(step, Intent)
    assert step.block.code == "preparing"
    assert preparing.prepare_all(5) == 1
    assert list(Path(settings.SPEECH_DIR).rglob("*.*"))
    assert isinstance(intents.next_intent(campaign.account_id, owner), Intent)


def test_a_message_that_cannot_be_spoken_skips_the_person_with_the_reason_and_stops_nobody() -> None:
    campaign = speaking()
    (mute,) = people.contacts(campaign, 1, prepared=False)
    people.contact(campaign, prepared=False)
    Campaign.objects.filter(pk=campaign.pk).update(bot_options=SAYS | {"voice": "nobody's"})
    preparing.prepare_all(5)
    mute.refresh_from_db()
    assert (mute.state, mute.reason_code) == ("skipped", "speech")
    assert mute.reason.startswith("The message cannot be spoken: ")


def test_messages_are_made_a_little_ahead_only(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(preparing, "AHEAD", 6)
    monkeypatch.setattr(preparing, "BATCH", 3)
    campaign = speaking(bot_options={"message": "The same for all.", "keys": ""})
    people.contacts(campaign, 20, prepared=False)
    preparing.prepare_all(30)
    assert CampaignContact.objects.filter(prepared=True).count() == 6


def test_people_who_are_ready_but_due_later_do_not_keep_those_who_are_due_from_being_made_ready(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Three hundred busy numbers, each to be called again in half an hour, must not stop the list."""
    monkeypatch.setattr(preparing, "AHEAD", 2)
    campaign = speaking()
    later = pacing.db_now() + timedelta(minutes=30)
    people.contacts(campaign, 5, state="retry", due_at=later)
    people.contact(campaign, prepared=False)
    assert preparing.prepare_all(5) == 1


def test_campaigns_are_prepared_in_turn(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(preparing, "BATCH", 1)
    campaigns = [speaking(), speaking()]
    for campaign in campaigns:
        people.contacts(campaign, 300, prepared=False)
    preparing.prepare_all(0.3)
    one, other = (campaign.contacts.filter(prepared=True).count() for campaign in campaigns)
    assert 0 < one == other < 300


def test_a_campaign_whose_bot_is_gone_keeps_no_other_from_being_prepared() -> None:
    people.contact(speaking(bot="retired"), prepared=False)
    people.contact(speaking(), prepared=False)
    assert preparing.prepare_all(5) == 1


def test_only_running_campaigns_are_prepared() -> None:
    people.contact(speaking(status="paused"), prepared=False)
    assert preparing.prepare_all(1) == 0


def test_messages_that_nobody_used_for_a_day_are_deleted() -> None:
    people.contact(speaking(), prepared=False)
    preparing.prepare_all(5)
    assert preparing.sweep_speech() == 0
    for file in Path(settings.SPEECH_DIR).rglob("*.*"):
        old = file.stat().st_mtime - 90_000
        os.utime(file, (old, old))
    assert preparing.sweep_speech() == 1
