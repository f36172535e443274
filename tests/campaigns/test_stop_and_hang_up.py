"""Stopping a campaign with its live calls: talks are closed, those that begin later as they begin, and it is told."""

import pytest
from django.utils import timezone

from campaigns import control, streams, tokens
from campaigns.audit import COMMAND_LINE, Actor
from campaigns.lifecycle import AttemptState, CampaignStatus
from campaigns.models import AuditEntry, CallAttempt, Campaign
from campaigns.refusals import NotAllowed
from campaigns.streams import OpenCalls
from tests import people

pytestmark = pytest.mark.django_db
MEERA = Actor("Meera Kulkarni")


@pytest.fixture
def campaign() -> Campaign:
    return people.campaign(mode="bot", bot="echo")


def talk(campaign: Campaign) -> int:
    """A call whose stream is open; returns the stream's id."""
    attempt = people.attempt(people.contact(campaign), AttemptState.ANSWERED)
    return attempt.streams.create(opened_at=timezone.now()).pk


def ringing(campaign: Campaign) -> CallAttempt:
    return people.attempt(people.contact(campaign), AttemptState.PLACED)


def test_every_open_talk_is_to_be_closed_in_the_name_of_who_stopped_it(campaign: Campaign) -> None:
    first, second, other = talk(campaign), talk(campaign), talk(people.campaign(mode="bot", bot="echo"))
    control.stop(campaign.pk, by=MEERA, hang_up=True)
    assert streams.hang_ups([first, second, other]) == {first: MEERA.name, second: MEERA.name}


def test_live_calls_finish_unless_it_is_asked_for(campaign: Campaign) -> None:
    stream = talk(campaign)
    control.stop(campaign.pk, by=MEERA)
    assert streams.hang_ups([stream]) == {}
    assert AuditEntry.objects.get(action="stop").details["reason"] == "Live calls finish."


def test_a_talk_that_begins_after_it_is_granted_with_the_order_to_end(campaign: Campaign) -> None:
    attempt = ringing(campaign)
    control.stop(campaign.pk, by=MEERA, hang_up=True)
    grant = streams.open_stream(tokens.mint("stream", str(attempt.pk)))
    assert grant.hang_up_by == MEERA.name


def test_talks_and_ringing_phones_are_counted_apart(campaign: Campaign) -> None:
    for _ in range(2):
        talk(campaign)
    ringing(campaign)
    people.attempt(people.contact(campaign), AttemptState.UNKNOWN)
    assert streams.open_calls(campaign.pk) == OpenCalls(talks=2, ringing=1)


def test_one_that_drains_already_can_still_be_hung_up_once(campaign: Campaign) -> None:
    stream = talk(campaign)
    control.stop(campaign.pk, by=COMMAND_LINE)
    control.stop(campaign.pk, by=MEERA, hang_up=True)
    assert streams.hang_ups([stream]) == {stream: MEERA.name}
    with pytest.raises(NotAllowed, match="draining already"):
        control.stop(campaign.pk, by=MEERA, hang_up=True)
    acts = AuditEntry.objects.order_by("pk").values_list("action", "actor_name")
    assert list(acts) == [("stop", "command line"), ("hang up", MEERA.name)]


def test_calls_in_a_flow_of_exotels_cannot_be_ended() -> None:
    campaign = people.campaign(mode="flow", bot="echo")
    with pytest.raises(NotAllowed, match="let them finish"):
        control.stop(campaign.pk, by=MEERA, hang_up=True)
    campaign.refresh_from_db()
    assert campaign.status == CampaignStatus.RUNNING
