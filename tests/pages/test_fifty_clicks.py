"""Fifty people click at once: one wins, the others are told so, and everything is done once."""

from collections.abc import Sequence
from functools import partial

import pytest
from django.conf import settings
from django.contrib.messages import get_messages
from django.test import Client

from campaigns import enrolling
from campaigns.models import AuditEntry, Campaign, CampaignVersion, User
from tests.dialing.driving import racing
from tests.pages import world

pytestmark = pytest.mark.django_db(transaction=True)
CLICKS = 50


@pytest.fixture
def session(transactional_db: None) -> str:
    client = Client()
    client.force_login(User.objects.create_user("meera", password="a long enough secret"))
    return client.cookies[settings.SESSION_COOKIE_NAME].value


def _click(session: str, path: str) -> str:
    """What the page would say after the click."""
    client = Client(raise_request_exception=True)
    client.cookies[settings.SESSION_COOKIE_NAME] = session
    answer = client.post(path)
    assert answer.status_code == 302
    [said] = get_messages(answer.wsgi_request)
    return f"{said.level_tag}: {said}"


def _clicks(session: str, campaign: Campaign, act: str, times: int) -> Sequence[str]:
    """What each of so many simultaneous clicks was told, each on a thread and a database connection of its own."""
    path = f"/campaigns/{campaign.pk}/{act}"
    return racing(*(partial(_click, session, path) for _ in range(times)))


def _acts(campaign: Campaign, act: str) -> int:
    return AuditEntry.objects.filter(subject=f"campaign:{campaign.pk}", action=act).count()


def test_a_launch_wins_once_under_fifty_clicks_at_once(session: str) -> None:
    campaign = world.draft(world.account(), world.people(40))
    said = _clicks(session, campaign, "launch", CLICKS)
    won = [one for one in said if one.startswith("success")]
    assert won == ["success: Launched November EMI reminder. People are called from now on."]
    assert said.count("error: This campaign is running already.") == CLICKS - 1
    while enrolling.enrol_chunk(campaign.pk):
        pass
    campaign.refresh_from_db()
    assert (campaign.status, campaign.generation, campaign.contacts.count()) == ("running", 1, 40)
    assert _acts(campaign, "launch") == CampaignVersion.objects.count() == 1


def test_pause_resume_and_stop_win_once_under_clicks_at_once(session: str) -> None:
    campaign = world.launched(world.account(), world.people(3))
    for act in ("pause", "resume", "stop"):
        said = _clicks(session, campaign, act, 10)
        assert sum(one.startswith("success") for one in said) == 1, said
        assert _acts(campaign, act) == 1
    campaign.refresh_from_db()
    assert (campaign.status, campaign.generation) == ("cancelled", 4)
