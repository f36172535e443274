"""adjust_campaign: what the page "Edit live" changes, for scripts."""

from datetime import datetime, time
from decimal import Decimal
from zoneinfo import ZoneInfo

import pytest

from campaigns.models import Campaign
from tests import people
from tests.commands.conftest import Manage

pytestmark = pytest.mark.usefixtures("account")


@pytest.fixture
def campaign(transactional_db: None) -> Campaign:
    return people.campaign(time_zone="Asia/Kolkata", calls_per_second=Decimal(1))


def test_every_flag_is_changed_and_told_with_before_and_after(here: Manage, campaign: Campaign) -> None:
    words = f"adjust_campaign {campaign.pk} --calls-per-second 2.5 --max-concurrent 7 --weight 3 --window 10:00-18:30"
    answer = here(*words.split(), "--end", "2099-12-01 18:00", "--json").answer
    assert list(answer) == ["id", "version", "changes"]
    assert "Pace: 1 a second → 2.5 a second" in answer["changes"]
    campaign.refresh_from_db()
    assert (campaign.calls_per_second, campaign.max_concurrent, campaign.weight) == (Decimal("2.5"), 7, 3)
    assert (campaign.window_start, campaign.window_end) == (time(10), time(18, 30))
    assert campaign.ends_at == datetime(2099, 12, 1, 18, tzinfo=ZoneInfo("Asia/Kolkata"))
    assert campaign.version == answer["version"]


def test_what_is_not_named_stays_and_an_end_can_be_taken_away(here: Manage, campaign: Campaign) -> None:
    Campaign.objects.update(ends_at=datetime(2099, 12, 1, tzinfo=ZoneInfo("UTC")))
    said = here("adjust_campaign", str(campaign.pk), "--end", "none").out
    assert "→ none." in said
    campaign.refresh_from_db()
    assert (campaign.ends_at, campaign.calls_per_second) == (None, Decimal(1))
    assert "so already" in here("adjust_campaign", str(campaign.pk), "--end", "none").out


@pytest.mark.parametrize(
    ("flags", "words"),
    [
        ((), "Say what is to be different"),
        (("--weight", "0"), "between 1 and 100"),
        (("--window", "late"), "are not like 09:00-21:00"),
        (("--end", "soon"), "is not a time"),
        (("--calls-per-second", "fast"), "is not a number"),
    ],
)
def test_what_is_refused_is_a_sentence(here: Manage, campaign: Campaign, flags: tuple[str, ...], words: str) -> None:
    assert words in here("adjust_campaign", str(campaign.pk), *flags).refusal
