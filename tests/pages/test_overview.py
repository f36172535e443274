"""The overview: what needs somebody, the day strip, each campaign's share."""

from datetime import datetime, time, timedelta
from decimal import Decimal
from zoneinfo import ZoneInfo

import pytest
from django.test import Client
from django.utils import timezone

from campaigns import control, heartbeat
from campaigns.audit import COMMAND_LINE
from campaigns.models import AuditEntry, Campaign, CampaignContact, ExotelAccount, Heartbeat, Pacer, Recording
from campaigns.views.campaigns import summaries
from campaigns.views.day import Strip, axis_of, strip
from campaigns.views.shares import shares
from tests import people
from tests.pages import world
from tests.pages.counting import statements

INDIA = ZoneInfo("Asia/Kolkata")
NOON = datetime(2026, 11, 20, 12, 0, tzinfo=INDIA)


@pytest.fixture
def account(db: None) -> ExotelAccount:
    made = world.account()
    Pacer.objects.update(loop_seen_at=timezone.now())
    return made


def _page(client: Client) -> str:
    return client.get("/").content.decode()


def test_nothing_is_alarmed_about_when_nothing_needs_anybody(client_of_meera: Client, account: ExotelAccount) -> None:
    world.launched(account, world.people())
    assert 'id="overview-alerts"' not in _page(client_of_meera)


def test_a_held_account_is_told_once_and_counted(client_of_meera: Client, account: ExotelAccount) -> None:
    world.launched(account, world.people())
    Pacer.objects.update(held_code="payment", held_reason="Balance is low.", held_since=timezone.now())
    page = _page(client_of_meera)
    assert "1 thing needs you." in page
    assert "Nobody is dialled until you say that it is mended." in page


def test_a_campaign_that_dialer_paused_needs_somebody(client_of_meera: Client, account: ExotelAccount) -> None:
    world.launched(account, world.people())
    Campaign.objects.update(status="paused", paused_by="Dialer", paused_reason="Five refusals in a row.")
    page = _page(client_of_meera)
    assert "1 thing needs you." in page
    assert "Five refusals in a row." in page


def test_uncertain_people_and_missing_recordings_are_told(client_of_meera: Client, account: ExotelAccount) -> None:
    campaign = world.launched(account, world.people(3))
    attempt = world.call(world.first_of(campaign))
    CampaignContact.objects.filter(pk__gt=world.first_of(campaign).pk).update(state="uncertain")
    Recording.objects.create(attempt=attempt, status="missing", give_up_at=timezone.now(), reason="never ready")
    page = _page(client_of_meera)
    assert f"2 people are uncertain in {campaign.name}." in page
    assert f"/campaigns/{campaign.pk}/contacts?state=uncertain" in page
    assert "1 recording is missing." in page
    assert "2 things need you." in page


def test_questions_that_exotel_does_not_answer_for_minutes_are_told(
    client_of_meera: Client, account: ExotelAccount
) -> None:
    world.call(world.first_of(world.launched(account, world.people())), check_at=timezone.now())
    for minutes, told in ((1, False), (3, True)):
        Pacer.objects.update(unanswered="HTTP 500", unanswered_since=timezone.now() - timedelta(minutes=minutes))
        assert ("Exotel has not answered questions about calls since" in _page(client_of_meera)) == told
    assert "1 thing needs you." in _page(client_of_meera)


def test_a_worker_that_is_gone_is_told(client_of_meera: Client, account: ExotelAccount) -> None:
    world.launched(account, world.people())
    Campaign.objects.update(launched_at=timezone.now() - timedelta(minutes=5))
    Pacer.objects.update(loop_seen_at=timezone.now() - timedelta(minutes=3))
    assert "Nothing will be dialled: no worker has been seen for 3 min." in _page(client_of_meera)
    heartbeat.beat()
    assert "A worker is there, but none is dialling since" in _page(client_of_meera)


def test_who_was_just_resumed_or_waits_for_a_thread_is_not_called_without_a_worker(
    client_of_meera: Client, account: ExotelAccount
) -> None:
    campaign = world.launched(account, world.people())
    Campaign.objects.update(launched_at=timezone.now() - timedelta(minutes=5))
    Pacer.objects.update(loop_seen_at=timezone.now() - timedelta(minutes=3))
    control.pause(campaign.pk, by=COMMAND_LINE)
    control.resume(campaign.pk, by=COMMAND_LINE)
    heartbeat.beat()
    assert "none is dialling" not in _page(client_of_meera)
    AuditEntry.objects.update(at=timezone.now() - timedelta(minutes=1))
    assert "none is dialling since" in _page(client_of_meera)
    Heartbeat.objects.update(seen_at=timezone.now() - timedelta(seconds=30))
    assert "Every dialling thread" not in _page(client_of_meera), "no loop gives a sign either"
    people.account(kind="exotel")
    Pacer.objects.exclude(account=account).update(loop_seen_at=timezone.now())
    assert "Every dialling thread drives another account now" in _page(client_of_meera)


def test_a_worker_that_is_gone_is_told_although_nothing_runs(client_of_meera: Client, account: ExotelAccount) -> None:
    Pacer.objects.update(loop_seen_at=None)
    assert "Nothing will be dialled: no worker has been seen yet." in _page(client_of_meera)


def test_each_running_campaign_says_its_share(client_of_meera: Client, account: ExotelAccount) -> None:
    campaign = world.launched(account, world.people(3), max_concurrent=8)
    world.call(world.first_of(campaign), intent_at=timezone.now(), slot_released_at=None)
    share = shares([campaign], timezone.now())[campaign.pk]
    assert (share.per_minute, share.slots, share.most_slots) == (1, 1, 8)
    assert "<b>1</b> / 8" in _page(client_of_meera)


def test_the_overview_asks_as_often_for_five_campaigns_as_for_one(
    client_of_meera: Client, account: ExotelAccount
) -> None:
    counted = []
    contacts = world.people()
    for many in (1, 4):
        for place in range(many):
            world.launched(account, contacts, name=f"Campaign {many}.{place}")
        counted.append(statements(lambda: client_of_meera.get("/")))
    assert counted[0] == counted[1]


# ------------------------------------------------------------------------------------------------------------- strip
def _strip(campaign: Campaign, now: datetime) -> Strip:
    campaign.refresh_from_db()
    found = summaries(Campaign.objects.filter(pk=campaign.pk).select_related("account", "pace"))
    return strip(found, [], shares([campaign], now), now)


@pytest.mark.parametrize(
    ("hour", "start", "end"), [(9, 9, 21), (12, 9, 21), (20, 9, 21), (8, 0, 0), (21, 0, 0), (23, 0, 0)]
)
def test_the_axis_is_nine_to_nine_while_now_lies_on_it(hour: int, start: int, end: int) -> None:
    axis = axis_of(NOON.replace(hour=hour, minute=30))
    assert (axis.start.hour, axis.end.hour) == (start, end)
    assert axis.start <= NOON.replace(hour=hour, minute=30) < axis.end


def test_the_strip_tells_launch_pause_and_plan_apart(account: ExotelAccount) -> None:
    campaign = world.launched(account, world.people(3), calls_per_second=Decimal("0.001"))
    control.pause(campaign.pk, by=COMMAND_LINE)
    control.resume(campaign.pk, by=COMMAND_LINE)
    hours = {"launch": 10, "pause": 11, "resume": 11.5}
    for action, hour in hours.items():
        AuditEntry.objects.filter(action=action).update(at=NOON.replace(hour=0) + timedelta(hours=hour))
    Campaign.objects.update(launched_at=NOON.replace(hour=10))
    (lane,) = _strip(campaign, NOON).lanes
    drawn = [(part.state, part.planned, part.begins.astimezone(INDIA).time()) for part in lane.segments]
    assert drawn == [
        ("running", False, time(10)),
        ("paused", False, time(11)),
        ("running", False, time(11, 30)),
        ("running", True, time(12)),
    ]
    assert lane.segments[0].x == "8.33%"
    assert lane.note == "Finishes about 12:50 IST"


def test_an_end_of_tomorrow_is_not_taken_for_one_of_today(account: ExotelAccount) -> None:
    campaign = world.launched(account, world.people(3), calls_per_second=Decimal("0.001"))
    (lane,) = _strip(campaign, NOON.replace(hour=23, minute=30)).lanes
    assert lane.note == "Finishes about 00:20 IST tomorrow"


def test_a_campaign_launched_yesterday_begins_at_the_left_edge(account: ExotelAccount) -> None:
    campaign = world.launched(account, world.people())
    AuditEntry.objects.all().delete()
    Campaign.objects.update(launched_at=NOON - timedelta(days=1))
    (lane,) = _strip(campaign, NOON).lanes
    assert (lane.segments[0].state, lane.segments[0].x) == ("running", "0.00%")


def test_the_last_call_leaves_an_amber_end(db: None) -> None:
    account = world.account(kind="exotel", name="Exotel", api_url="https://api.in.exotel.com")
    campaign = world.draft(account, world.people(), ring_timeout=290)
    Campaign.objects.update(status="running", launched_at=NOON)
    (lane,) = _strip(campaign, NOON).lanes
    assert lane.margins == [("99.31%", "0.69%")]


def test_the_strip_has_its_table(client_of_meera: Client, account: ExotelAccount) -> None:
    world.launched(account, world.people())
    page = _page(client_of_meera)
    assert 'id="day-table"' in page
    assert "Running, planned" in page
