"""The connection breaks when a commit has happened and before anybody hears of it: nobody is lost or dialled twice."""

import random
from collections import Counter
from datetime import timedelta
from pathlib import Path

import pytest

from campaigns import settling
from campaigns.models import CampaignContact
from tests import people
from tests.dialing.cutting import behind_a_cable
from tests.dialing.driving import simulator, ticking, until

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.usefixtures("unhurried")]

PEOPLE = 120


@pytest.mark.parametrize("seed", [1, 2])
def test_everybody_is_called_once_though_commits_of_intents_and_answers_go_unheard(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, seed: int
) -> None:
    monkeypatch.setattr(settling, "NOT_SENT_PAUSE", timedelta(seconds=0.2))
    chance = random.Random(seed)
    with simulator(tmp_path).up() as exotel, behind_a_cable(monkeypatch) as cable:
        account = people.account(api_url=exotel.options.base_url, calls_per_minute=60_000, max_concurrent=PEOPLE)
        campaign = people.campaign(account, calls_per_second=200, max_concurrent=PEOPLE)
        people.contacts(campaign, PEOPLE)
        cable.cut_when(lambda number: number > 3 and chance.random() < 0.1)
        waiting = CampaignContact.objects.filter(campaign=campaign, state__in=("pending", "retry"))
        with ticking(2):
            until(lambda: cable.cuts >= 5 or not waiting.exists())
            cable.cut_when(lambda _: False)
            until(lambda: not waiting.exists() and not campaign.attempts.filter(state="dialing").exists())
    assert cable.cuts >= 3
    rung = Counter(call.number for call in exotel.ledger.calls.values())
    assert set(rung.values()) == {1}
    assert len(rung) == PEOPLE
    assert not campaign.attempts.filter(state="unknown").exists()
