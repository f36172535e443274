"""Changing a campaign while it runs, its versions, and the page that asks how to stop it."""

import re
from datetime import time, timedelta
from zoneinfo import ZoneInfo

import pytest
from django.test import Client
from django.utils import timezone

from campaigns import adjusting
from campaigns.audit import COMMAND_LINE
from campaigns.lifecycle import AttemptState
from campaigns.models import AuditEntry, Campaign, CampaignVersion, Pacer
from campaigns.views.shares import part_of
from tests.pages import world
from tests.pages.counting import statements

SENT = {
    "calls_per_second": "0.5",
    "max_concurrent": "30",
    "weight": "2",
    "window_start": "09:00",
    "window_end": "20:30",
    "ends_at": "",
}


@pytest.fixture
def campaign(db: None) -> Campaign:
    return world.launched(world.account(), world.people(3))


def _page(client: Client, campaign: Campaign, rest: str = "") -> str:
    return client.get(f"/campaigns/{campaign.pk}/{rest}").content.decode()


class TestChange:
    def test_the_page_shows_what_is_so_now_and_the_live_page_leads_to_it(
        self, client_of_meera: Client, campaign: Campaign
    ) -> None:
        Campaign.objects.update(weight=4, ends_at=timezone.now() + timedelta(days=1))
        page = _page(client_of_meera, campaign, "change")
        assert 'name="weight" value="4"' in page
        campaign.refresh_from_db()
        assert campaign.ends_at
        local = campaign.ends_at.astimezone(ZoneInfo(campaign.time_zone))
        assert f'name="ends_at" value="{local:%Y-%m-%dT%H:%M}"' in page
        assert f'href="/campaigns/{campaign.pk}/change"' in _page(client_of_meera, campaign)

    def test_it_is_changed_at_once_and_told_with_before_and_after(
        self, client_of_meera: Client, campaign: Campaign
    ) -> None:
        end = (timezone.now() + timedelta(days=2)).astimezone(ZoneInfo(campaign.time_zone)).replace(second=0)
        sent = SENT | {"ends_at": f"{end:%Y-%m-%dT%H:%M}"}
        answer = client_of_meera.post(f"/campaigns/{campaign.pk}/change", sent, follow=True).content.decode()
        assert "Share of the account: 1 part → 2 parts" in answer
        campaign.refresh_from_db()
        assert (campaign.weight, campaign.window_end, campaign.status) == (2, time(20, 30), "running")
        assert campaign.ends_at == end.replace(microsecond=0)
        assert AuditEntry.objects.get(action="adjust").actor_name == "Meera Kulkarni"

    @pytest.mark.parametrize(
        ("field", "value", "words"),
        [
            ("weight", "0", "Enter a whole number of parts from 1 to 100."),
            ("window_end", "late", "Enter a time, 21:00."),
            ("ends_at", "2020-01-01T10:00", "That moment has passed"),
            ("ends_at", "soon", "Enter day and time"),
        ],
    )
    def test_a_wrong_field_is_told_in_words_and_nothing_is_changed(
        self, client_of_meera: Client, campaign: Campaign, field: str, value: str, words: str
    ) -> None:
        answer = client_of_meera.post(f"/campaigns/{campaign.pk}/change", SENT | {field: value})
        assert answer.status_code == 400
        assert words in answer.content.decode()
        assert CampaignVersion.objects.count() == 1

    def test_hours_that_no_law_allows_are_refused_on_the_page(self, client_of_meera: Client, db: None) -> None:
        real = world.account(kind="exotel", api_url="https://api.in.exotel.com")
        campaign = world.draft(real, world.people(1))
        Campaign.objects.filter(pk=campaign.pk).update(status="running", launched_at=timezone.now())
        answer = client_of_meera.post(f"/campaigns/{campaign.pk}/change", SENT | {"window_start": "07:00"})
        assert answer.status_code == 400
        assert "wider than the law allows" in answer.content.decode()

    def test_one_that_has_ended_leads_back_to_its_page(self, client_of_meera: Client, campaign: Campaign) -> None:
        Campaign.objects.update(status="completed")
        answer = client_of_meera.get(f"/campaigns/{campaign.pk}/change", follow=True)
        assert "Only a campaign that runs or is paused" in answer.content.decode()


class TestShare:
    def test_the_live_page_says_which_part_of_the_account_it_gets(
        self, client_of_meera: Client, campaign: Campaign
    ) -> None:
        assert "parts of the account" not in _page(client_of_meera, campaign, "?part=pace")
        world.launched(campaign.account, world.people(1, "Other"), weight=2)
        page = _page(client_of_meera, campaign, "?part=pace")
        assert "Gets 1 of 3 parts of the account’s calls, about 33.3 %, and waits for its turn" in page

    def test_who_is_outside_its_hours_or_past_its_end_shares_nothing(self, campaign: Campaign) -> None:
        now = timezone.now()
        asleep, ended = (world.launched(campaign.account, world.people(1, name), weight=2) for name in ("A", "B"))
        assert part_of(campaign, now).whole == campaign.weight + 4
        opens = 20 if now.astimezone(ZoneInfo(asleep.time_zone)).hour < 12 else 10
        hours = {"window_start": time(opens), "window_end": time(opens + 1)}
        Campaign.objects.filter(pk=asleep.pk).update(**hours)
        Campaign.objects.filter(pk=ended.pk).update(ends_at=now)
        part = part_of(campaign, now)
        assert (part.whole, part.others) == (campaign.weight, 0)
        assert part.sentence == "No other campaign of the account may call now, so every call is this one’s."


class TestVersions:
    def test_each_version_says_who_changed_what(self, client_of_meera: Client, campaign: Campaign) -> None:
        adjusting.adjust(campaign.pk, weight=3, by=COMMAND_LINE)
        page = _page(client_of_meera, campaign, "versions")
        assert page.index('id="v2"') < page.index('id="v1"')
        assert "Share of the account: <bdi>1 part</bdi> → <bdi>3 parts</bdi>" in page
        assert "by command line" in page

    def test_twenty_versions_cost_as_many_queries_as_one(self, client_of_meera: Client, campaign: Campaign) -> None:
        counted = []
        for weights in ((2,), range(3, 22)):
            for weight in weights:
                adjusting.adjust(campaign.pk, weight=weight, by=COMMAND_LINE)
            counted.append(statements(lambda: _page(client_of_meera, campaign, "versions")))
        assert counted[0] == counted[1]

    def test_a_call_names_the_version_that_it_was_dialled_under(
        self, client_of_meera: Client, campaign: Campaign
    ) -> None:
        call = world.call(world.first_of(campaign), campaign_version=1)
        page = client_of_meera.get(f"/calls/{call.pk}/").content.decode()
        assert f'<a href="/campaigns/{campaign.pk}/versions#v1">version 1 of the campaign</a>' in page


class TestStop:
    def test_it_asks_whether_live_calls_finish_or_are_hung_up(
        self, client_of_meera: Client, campaign: Campaign
    ) -> None:
        talking, ringing = list(campaign.contacts.select_related("campaign__account").order_by("pk"))[:2]
        world.call(talking, "", state=AttemptState.ANSWERED, ended_at=None).streams.create(opened_at=timezone.now())
        world.call(ringing, "", state=AttemptState.PLACED, ended_at=None)
        page = _page(client_of_meera, campaign, "stop")
        assert re.search(r'value="finish"\s+checked', page)
        assert 'value="hang-up"' in page
        assert "1 person talks to the bot now." in page
        assert "1 call is ringing and cannot be taken back" in page

        answer = client_of_meera.post(f"/campaigns/{campaign.pk}/stop", {"live": "hang-up"}, follow=True)
        assert "Live calls are being hung up." in answer.content.decode()
        campaign.refresh_from_db()
        assert (campaign.status, campaign.hang_up_by) == ("draining", "Meera Kulkarni")
        told = "1 talk is being hung up. 1 call is ringing; its talk is closed as soon as it starts."
        assert told in _page(client_of_meera, campaign, "?part=verdict")

    def test_one_that_drains_can_still_be_hung_up(self, client_of_meera: Client, campaign: Campaign) -> None:
        world.call(world.first_of(campaign), "", state=AttemptState.ANSWERED, ended_at=None)
        client_of_meera.post(f"/campaigns/{campaign.pk}/stop", {"live": "finish"})
        assert "Hang up live calls…" in _page(client_of_meera, campaign)
        assert 'value="hang-up"' in _page(client_of_meera, campaign, "stop")
        client_of_meera.post(f"/campaigns/{campaign.pk}/stop", {"live": "hang-up"})
        campaign.refresh_from_db()
        assert campaign.hang_up_by == "Meera Kulkarni"
        assert "Hang up live calls…" not in _page(client_of_meera, campaign)

    def test_a_flow_offers_no_hanging_up(self, client_of_meera: Client, campaign: Campaign) -> None:
        Campaign.objects.update(mode="flow")
        assert 'value="hang-up"' not in _page(client_of_meera, campaign, "stop")


def test_the_verdict_says_when_the_end_comes_before_everybody_is_called(
    client_of_meera: Client, campaign: Campaign
) -> None:
    Campaign.objects.update(ends_at=timezone.now() + timedelta(minutes=1), calls_per_second="0.001")
    Pacer.objects.update(loop_seen_at=timezone.now())
    assert "comes before everybody is called at this pace" in _page(client_of_meera, campaign, "?part=verdict")
