"""resume_campaign --after-restore: the names, flags and keys that scripts depend on."""

from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import pytest
from django.utils import timezone

from campaigns import gaps
from campaigns.models import Campaign, Gap
from tests import people
from tests.campaigns.far_side import FarSide, far_side
from tests.commands.conftest import Manage

KEYS = ["id", "status", "since", "until", "listed", "known", "doubtful", "recorded", "matched", "goes-on", "nobody",
        "checked", "calls", "paused"]  # fmt: skip


@pytest.fixture
def exotel(tmp_path: Path) -> Iterator[FarSide]:
    with far_side(tmp_path, latency=0.0) as running:
        yield running


@pytest.fixture
def campaign(transactional_db: None, exotel: FarSide) -> Campaign:
    """Paused, because its database was put back."""
    made = people.campaign(exotel.account(reporting_lag=0), created_at=timezone.now() - timedelta(hours=1))
    now = timezone.now()
    Gap.objects.create(
        account=made.account, found_at=now, called_until=now, witnessed=gaps.last_number() + 500, ready_at=now
    )
    assert not gaps.clear(made.account_id)
    return made


def test_it_says_who_was_called_and_goes_on(here: Manage, exotel: FarSide, campaign: Campaign) -> None:
    person, _ = people.contact(campaign, phone=people.phone(10)), people.contact(campaign)
    also = people.campaign(campaign.account, name="Also", status="paused", paused_reason=_reason(campaign))
    exotel.call(person.phone)
    said = here("resume_campaign", str(campaign.pk), "--after-restore", "--do-not-call-is-back", "--json").answer
    assert list(said) == KEYS
    assert (said["status"], said["recorded"], said["listed"], said["paused"]) == (
        "running",
        1,
        1,
        {str(also.pk): "Also"},
    )
    call = said["calls"][0]
    assert (call["kind"], call["outcome"], call["campaign"]) == ("recorded", "busy", campaign.pk)
    assert person.phone not in str(said)


def _reason(campaign: Campaign) -> str:
    return str(Campaign.objects.values_list("paused_reason", flat=True).get(pk=campaign.pk))


def test_the_report_is_made_of_sentences(here: Manage, exotel: FarSide, campaign: Campaign) -> None:
    person = people.contact(campaign, phone=people.phone(10))
    exotel.call(person.phone)
    exotel.call(people.phone(1))
    said = here("resume_campaign", str(campaign.pk), "--after-restore")
    assert (said.status, said.err) == (0, "")
    assert "Known: 0. Forgotten by this database: 2, of which" in said.out
    assert "written down with their outcome: 1 (1 busy)" in said.out
    assert "nobody here" in said.out
    assert "wishes not to be called" in said.out
    assert f"{campaign.name} is paused: " in said.out
    assert said.out.rstrip().endswith("put back who asked not to be called meanwhile, then resume it.")


def test_without_the_flag_it_is_refused_with_the_flag_named(here: Manage, campaign: Campaign) -> None:
    assert "--after-restore" in here("resume_campaign", str(campaign.pk)).refusal


def test_the_flag_where_nothing_is_missing_is_refused(here: Manage, exotel: FarSide) -> None:
    campaign = people.campaign(exotel.account(), status="paused")
    assert "without --after-restore" in here("resume_campaign", str(campaign.pk), "--after-restore").refusal


def test_a_list_that_nothing_proves_is_refused_with_the_flag_that_says_it_is_right(
    here: Manage, campaign: Campaign
) -> None:
    asked = ("resume_campaign", str(campaign.pk), "--after-restore")
    assert "--last-calls-refused" in here(*asked).refusal
    assert here(*asked, "--last-calls-refused", "--json").answer["listed"] == 0
