"""test_call: one call now, and how it went; or why it waits."""

import threading
import time

import pytest
from django.db import connections

from campaigns import control, intents, preparing, suppressing
from campaigns.audit import COMMAND_LINE
from campaigns.models import Campaign, ExotelAccount
from campaigns.owners import Owner
from tests.commands.conftest import Manage

pytestmark = pytest.mark.usefixtures("account")


def test_it_is_launched_and_says_what_it_waits_for(manage: Manage) -> None:
    """No worker runs here, so nothing is dialled."""
    answer = manage("test_call", "9000001001", "--wait", "0.1", "--json").answer
    campaign = Campaign.objects.get()
    assert answer == {"id": campaign.pk, "status": "running", "state": "pending", "outcome": None}
    assert (campaign.is_test, campaign.bot) == (True, "echo")


def test_in_words_it_says_what_it_waits_for(here: Manage) -> None:
    said = here("test_call", "9000001002", "--wait", "0.1", "--bot", "echo").out
    assert "pending. The dialling worker starts within seconds." in said


def test_a_number_that_is_none_and_a_bot_that_is_none_are_refused(here: Manage) -> None:
    assert here("test_call", "12").refusal.startswith("“12” cannot be called: ")
    assert here("test_call", "9000001001", "--bot", "parrot").refusal.startswith("There is no bot “parrot”")
    assert not Campaign.objects.exists()


def test_a_suppressed_number_is_never_called_and_the_reason_is_told(here: Manage) -> None:
    suppressing.suppress(["+919000001001"], reason="asked", by=COMMAND_LINE)
    looked = threading.Thread(target=look_at_the_queue)
    looked.start()
    said = here("test_call", "9000001001", "--wait", "10").out
    looked.join(10)
    assert said.endswith("skipped. On the do-not-call list: asked\n")


def look_at_the_queue() -> None:
    """What the workers do, once the call is in the queue."""
    owner = Owner()
    try:
        until = time.monotonic() + 10
        while time.monotonic() < until and not Campaign.objects.filter(status="completed").exists():
            preparing.prepare_all(1)
            for account in ExotelAccount.objects.all():
                intents.next_intent(account.pk, owner.number)
            control.finish_all()
            time.sleep(0.02)
    finally:
        owner.close()
        connections.close_all()
