"""What the bot will say is rendered before anybody is dialled, a little ahead and for everybody in turn."""

import os
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from django.conf import settings
from django.test import override_settings

from campaigns import control, intents, pacing, preparing
from campaigns.audit import COMMAND_LINE
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
    campaign = speaking(bot_options={"message": "Hello {story}.", "keys": ""})
    (mute,) = people.contacts(campaign, 1, prepared=False, variables={"story": "so " * 1_000})
    people.contact(campaign, prepared=False, variables={"story": "you"})
    assert preparing.prepare_all(5) == 2
    mute.refresh_from_db()
    assert (mute.state, mute.reason_code) == ("skipped", "speech")
    assert mute.reason.startswith("The message cannot be spoken: The text has 3")
    assert campaign.contacts.get(state="pending").prepared


def stands(of: Campaign) -> tuple[str, str]:
    of.refresh_from_db()
    return of.status, of.paused_by


def test_a_voice_that_is_gone_pauses_the_campaign_and_costs_nobody() -> None:
    campaign = speaking(bot_options=SAYS | {"voice": "nobody's"})
    people.contacts(campaign, 3, prepared=False)
    preparing.prepare_all(5)
    assert stands(campaign) == ("paused", "Dialer")
    assert campaign.paused_reason == "No message can be spoken now: There is no voice “nobody's”."
    assert set(campaign.contacts.values_list("state", "prepared")) == {("pending", False)}


def test_a_disk_that_takes_nothing_pauses_the_campaign_and_a_resumed_one_goes_on(tmp_path: Path) -> None:
    campaign = speaking()
    people.contacts(campaign, 3, prepared=False)
    in_the_way = tmp_path / "file"
    in_the_way.write_text("")
    with override_settings(SPEECH_DIR=in_the_way):
        preparing.prepare_all(5)
    assert stands(campaign) == ("paused", "Dialer")
    assert campaign.paused_reason.startswith("No message can be spoken now: ")
    control.resume(campaign.pk, by=COMMAND_LINE)
    assert preparing.prepare_all(5) == 3


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
