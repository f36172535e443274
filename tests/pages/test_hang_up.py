"""Hanging up from the live page: a request that the process with the stream carries out, where it ends the call."""

import pytest
from django.test import Client
from django.utils import timezone

from campaigns import streams
from campaigns.audit import COMMAND_LINE
from campaigns.models import AuditEntry, CallAttempt, Campaign
from campaigns.refusals import NotAllowed
from tests.pages import world


@pytest.fixture
def call(db: None) -> CallAttempt:
    """A talk that goes on."""
    campaign = world.launched(world.account(), world.people(2))
    made = world.call(world.first_of(campaign), "", state="answered", answered_at=timezone.now(), ended_at=None)
    made.streams.create(opened_at=timezone.now())
    return made


def test_the_button_asks_for_it_and_is_audited(client_of_meera: Client, call: CallAttempt) -> None:
    campaign = f"/campaigns/{call.campaign_id}/"
    page = client_of_meera.get(f"{campaign}?part=calls").content.decode()
    assert f'action="/calls/{call.pk}/hang-up"' in page
    assert 'aria-label="Hang up Kavita 0"' in page
    answer = client_of_meera.post(f"/calls/{call.pk}/hang-up", follow=True).content.decode()
    assert "Hanging up on Kavita 0." in answer
    stream = call.streams.get()
    assert streams.hang_ups([stream.pk, stream.pk + 1]) == {stream.pk: "Meera Kulkarni"}
    assert AuditEntry.objects.get(action="hang up").subject == f"call:{call.pk}"


def test_a_get_hangs_up_on_nobody(client_of_meera: Client, call: CallAttempt) -> None:
    assert client_of_meera.get(f"/calls/{call.pk}/hang-up").status_code == 405
    assert streams.hang_ups([call.streams.get().pk]) == {}


def test_a_talk_that_is_over_cannot_be_ended(client_of_meera: Client, call: CallAttempt) -> None:
    call.streams.update(closed_at=timezone.now())
    answer = client_of_meera.post(f"/calls/{call.pk}/hang-up", follow=True).content.decode()
    assert "No bot talks on this call now, so Dialer cannot end it." in answer
    assert not AuditEntry.objects.filter(action="hang up").exists()


def test_in_a_flow_the_end_of_the_stream_is_not_the_end_of_the_call(client_of_meera: Client, call: CallAttempt) -> None:
    CallAttempt.objects.update(mode="flow")
    with pytest.raises(NotAllowed):
        streams.ask_to_hang_up(call.pk, by=COMMAND_LINE)
    assert "Hang up" not in client_of_meera.get(f"/campaigns/{call.campaign_id}/?part=calls").content.decode()


def test_a_phone_that_still_rings_has_no_button(client_of_meera: Client, call: CallAttempt) -> None:
    CallAttempt.objects.update(state="placed", answered_at=None)
    campaign = Campaign.objects.get()
    assert "Hang up" not in client_of_meera.get(f"/campaigns/{campaign.pk}/?part=calls").content.decode()
