"""Versions: what shaped the calls of a launched campaign, since when, and under which one each call was dialled."""

import pytest
from django.db import IntegrityError, InternalError, connection, transaction

from campaigns import control, intents, versions
from campaigns.audit import COMMAND_LINE
from campaigns.intents import Intent
from campaigns.models import CallAttempt, Campaign, CampaignVersion
from campaigns.owners import Owner
from tests import people
from tests.campaigns import plans

pytestmark = pytest.mark.django_db


@pytest.fixture
def campaign() -> Campaign:
    made = plans.draft()
    control.launch(made.pk, by=COMMAND_LINE)
    made.refresh_from_db()
    return made


def test_the_launch_writes_the_first_version_with_everything_that_shapes_the_calls(campaign: Campaign) -> None:
    version = CampaignVersion.objects.get()
    assert (version.campaign_id, version.number, campaign.version) == (campaign.pk, 1, 1)
    assert version.by_name == "command line"
    assert version.settings["bot"] == "echo"
    assert version.settings["calls_per_second"] == f"{campaign.calls_per_second.normalize():f}"
    assert list(version.settings["lists"].values()) == [one.name for one in campaign.lists.all()]


def test_every_setting_that_a_draft_may_have_is_in_a_version() -> None:
    """A new column of a campaign must be put into versions, or among those that shape no call."""
    shapeless = {
        *("id", "account", "status", "generation", "version", "is_test", "created_at", "created_by", "scheduled_at"),
        *("launched_at", "launched_by", "paused_by", "paused_reason", "hang_up_by", "ended_at", "replan_after"),
        *("enrolled_at", "zones", "calls_per_second", "window_start", "window_end", "ends_at", "audience"),
    }
    columns = {column.name for column in Campaign._meta.concrete_fields}
    assert columns - shapeless == set(versions.PLAIN)


def test_a_draft_has_no_version() -> None:
    assert plans.draft().version == 0
    assert not CampaignVersion.objects.exists()


@pytest.mark.parametrize(
    "act", ["UPDATE campaigns_campaignversion SET number = 7", "DELETE FROM campaigns_campaignversion"]
)
def test_a_version_can_be_neither_changed_nor_deleted(campaign: Campaign, act: str) -> None:
    assert campaign.version == 1
    refused = pytest.raises((IntegrityError, InternalError), match="never changed or deleted")
    with refused, transaction.atomic(), connection.cursor() as cursor:
        cursor.execute(act)
    assert CampaignVersion.objects.get().number == 1


def test_a_call_carries_the_version_that_it_was_dialled_under(campaign: Campaign) -> None:
    people.contacts(campaign, 2)
    owner = Owner()
    try:
        assert isinstance(intents.next_intent(campaign.account_id, owner.number), Intent)
        with transaction.atomic():
            versions.write(control.locked(campaign.pk), by=COMMAND_LINE)
        people.rest(campaign)
        assert isinstance(intents.next_intent(campaign.account_id, owner.number), Intent)
    finally:
        owner.close()
    assert list(CallAttempt.objects.order_by("pk").values_list("campaign_version", flat=True)) == [1, 2]
