"""A bot that is out of reach, a bot that fails and a bad list, against the simulator: each is named rightly, costs no
more than 20 calls, and ends by itself; the list's, when a person says so. Callbacks and streams are real."""

import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from django.test import override_settings

from campaigns import breakers, control, pacing
from campaigns.audit import COMMAND_LINE
from campaigns.models import AuditEntry, Breaker, Campaign
from tests import people
from tests.dialing.driving import Simulator, free_port, simulator, ticking, until
from tests.pages.serving import served

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.usefixtures("unhurried")]
MOST_CALLS = 20
HANGS_UP, FAILS = 20, 12  # fates


@pytest.fixture(autouse=True)
def _soon(monkeypatch: pytest.MonkeyPatch) -> None:
    """The carrier's seconds are a twentieth here, and so are ours."""
    monkeypatch.setattr(breakers, "PROBE_EVERY", timedelta(seconds=1))
    monkeypatch.setattr(breakers, "LASTS", timedelta(seconds=0.05))


@contextmanager
def exotel_and_ourselves(folder: Path) -> Iterator[Simulator]:
    """A carrier that reaches our pages."""
    with (
        served(folder) as address,
        simulator(folder, speed=20.0).up() as exotel,
        override_settings(PUBLIC_URL=address),
        ticking(),
    ):
        yield exotel


def launched(exotel: Simulator, fate: int, crowd: int = 25, **fields: Any) -> Campaign:
    """Running as a launch leaves it: nothing is proved yet."""
    account = people.account(api_url=exotel.options.base_url)
    campaign = people.campaign(account, status="paused", ring_timeout=30, **{"calls_per_second": 20} | fields)
    breakers.begin(campaign)
    people.contacts(campaign, [people.phone(fate) for _ in range(crowd)])
    Campaign.objects.filter(pk=campaign.pk).update(status="running")
    return campaign


def held(campaign: Campaign) -> str:
    look()
    return Breaker.objects.get(campaign=campaign).held_code


def look() -> None:
    """As housekeeping does. The process that serves the callbacks is in no haste: what it put off comes soon here."""
    soon = pacing.db_now() + breakers.PROBE_EVERY
    Breaker.objects.filter(probe_at__gt=soon).update(probe_at=soon)
    breakers.look()


def over(campaign: Campaign) -> bool:
    look()
    return not campaign.contacts.exclude(state="done").exists()


def test_while_no_stream_reaches_us_few_people_are_rung_and_it_goes_on_by_itself_when_one_does(tmp_path: Path) -> None:
    with exotel_and_ourselves(tmp_path) as exotel:
        with override_settings(PUBLIC_STREAM_URL=f"ws://127.0.0.1:{free_port()}"):
            campaign = launched(exotel, HANGS_UP, mode="bot", bot="echo", flow_url="")
            until(lambda: held(campaign) == breakers.BOT)
            end = time.monotonic() + 2
            while time.monotonic() < end:
                assert held(campaign) == breakers.BOT
                time.sleep(0.2)
            assert len(exotel.ledger.calls) <= MOST_CALLS
            reason = Breaker.objects.get().held_reason
        until(lambda: over(campaign))
    assert "People pick up, but the bot does not talk to them" in reason
    assert "our media address does not answer" in reason
    assert AuditEntry.objects.filter(action="trouble over").exists()
    assert not exotel.ledger.doubles()


def test_a_bot_that_fails_from_some_call_on_rings_few_people_and_goes_on_when_it_is_mended(tmp_path: Path) -> None:
    with exotel_and_ourselves(tmp_path) as exotel:
        # So many that on a busy machine most are still to be called when the trouble begins.
        campaign = launched(exotel, HANGS_UP, crowd=70, calls_per_second=8, mode="bot", bot="echo", flow_url="")
        until(lambda: campaign.contacts.filter(state="done").count() >= 10)
        Campaign.objects.filter(pk=campaign.pk).update(bot="nobody")
        before = len(exotel.ledger.calls)
        until(lambda: held(campaign) == breakers.BOT)
        assert before >= 10
        assert len(exotel.ledger.calls) - before <= MOST_CALLS
        assert "this installation has no bot “nobody”" in Breaker.objects.get().held_reason
        Campaign.objects.filter(pk=campaign.pk).update(bot="echo", calls_per_second=50)
        until(lambda: over(campaign))
    assert not exotel.ledger.doubles()


def test_a_list_of_numbers_that_do_not_exist_is_paused_and_a_person_decides(tmp_path: Path) -> None:
    with exotel_and_ourselves(tmp_path) as exotel:
        campaign = launched(exotel, FAILS, crowd=2 * MOST_CALLS)
        until(lambda: Campaign.objects.get(pk=campaign.pk).status == "paused")
        time.sleep(1)
        first = len(exotel.ledger.calls)
        assert first <= MOST_CALLS
        paused = Campaign.objects.get(pk=campaign.pk)
        assert (paused.status, paused.paused_by) == ("paused", "Dialer")
        assert "Check the numbers of its list" in paused.paused_reason
        control.resume(campaign.pk, by=COMMAND_LINE)
        until(lambda: Campaign.objects.get(pk=campaign.pk).status == "paused")
        again = len(exotel.ledger.calls) - first
    assert breakers.BAD_CALLS <= again <= MOST_CALLS
    assert not exotel.ledger.doubles()
