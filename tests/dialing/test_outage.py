"""An outage costs a handful of people, not a list, and ends by itself."""

from datetime import timedelta
from functools import partialmethod
from pathlib import Path

import pytest

from campaigns import dialing, holds
from campaigns.exotel.client import ExotelClient
from campaigns.models import AuditEntry, Campaign
from tests import people
from tests.dialing.driving import simulator, ticking, until

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.usefixtures("unhurried")]
MOST_POSTS = 20


def held(campaign: Campaign) -> str:
    return people.pacer(campaign.account).held_code


def taken(campaign: Campaign) -> int:
    """People whose call the carrier has confirmed; somebody is "in call" from before the POST leaves."""
    return campaign.attempts.filter(state="placed").count()


def ended_well(campaign: Campaign) -> bool:
    return taken(campaign) == campaign.contacts.count()


def test_a_carrier_that_is_down_costs_nobody_and_the_account_resumes_when_it_is_up(tmp_path: Path) -> None:
    exotel = simulator(tmp_path)
    campaign = people.campaign(people.account(api_url=exotel.options.base_url), calls_per_second=50)
    people.contacts(campaign, 30)
    with ticking():
        until(lambda: held(campaign) == "unreachable")
        campaign.contacts.update(due_at=campaign.launched_at)  # who was tried rests five seconds; not in a test
        with exotel.up():
            until(lambda: held(campaign) == "")
            campaign.contacts.filter(state="pending").update(due_at=campaign.launched_at)
            until(lambda: ended_well(campaign))
    assert not campaign.contacts.filter(state="uncertain").exists()
    assert not exotel.ledger.doubles()
    tried = campaign.attempts.filter(state="refused").count()
    assert 5 <= tried <= 12


def test_a_carrier_that_takes_calls_without_a_word_costs_a_handful_and_the_account_resumes(tmp_path: Path) -> None:
    """503 for everybody at first (fate 42: no call behind it); then people whom it connects."""
    with simulator(tmp_path).up() as exotel:
        campaign = people.campaign(people.account(api_url=exotel.options.base_url), calls_per_second=20)
        people.contacts(campaign, [people.phone(42) for _ in range(10)])
        with ticking():
            until(lambda: AuditEntry.objects.filter(action="hold", details__code="unknowns").exists())
            people.contacts(campaign, 30)
            until(lambda: held(campaign) == "" and taken(campaign) == 30)
    uncertain = campaign.contacts.filter(state="uncertain").count()
    assert uncertain == 10
    assert campaign.attempts.filter(state="unknown").count() == 10
    assert not exotel.ledger.doubles()


def test_a_carrier_that_takes_requests_and_says_nothing_gets_a_handful_of_them(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Thirty good calls, then fate 44: the answer drips for 15 seconds, longer than anybody waits. Many are out at a
    time, and their ends are heard one by one: none of those ends makes room for another request."""
    monkeypatch.setattr(ExotelClient, "connect", partialmethod(ExotelClient.connect, total_deadline=0.8))
    monkeypatch.setattr(dialing, "SILENT", 0.3)
    monkeypatch.setattr(dialing, "LONGEST_DRAIN", 0.1)
    monkeypatch.setattr(holds, "PROBE_EVERY", timedelta(seconds=30))
    with simulator(tmp_path).up() as exotel:
        campaign = people.campaign(people.account(api_url=exotel.options.base_url), calls_per_second=20)
        people.contacts(campaign, [people.phone(1) for _ in range(30)] + [people.phone(44) for _ in range(60)])
        with ticking():
            until(lambda: held(campaign) == holds.UNKNOWNS)
            until(lambda: not campaign.attempts.filter(state="dialing").exists())
    assert holds.UNKNOWNS_IN_ROW <= campaign.attempts.filter(state="unknown").count() <= MOST_POSTS


def test_while_half_open_the_call_that_is_out_is_heard_of(tmp_path: Path) -> None:
    """The carrier takes half a second to answer: the loop must not ask again and again without listening."""
    with simulator(tmp_path, speed=1.0, latency=0.5).up() as exotel:
        campaign = people.campaign(people.account(api_url=exotel.options.base_url))
        people.contacts(campaign, 3)
        pacer = people.pacer(campaign.account)
        pacer.held_code, pacer.held_reason = holds.UNKNOWNS, "An outage."
        pacer.probe_at = pacer.held_since = pacer.next_dial_at
        pacer.save()
        with ticking():
            until(lambda: ended_well(campaign))
    assert held(campaign) == ""
