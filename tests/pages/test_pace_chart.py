"""The pace chart: a readable axis, real minutes, the way ahead, amber after the last call."""

import re
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from django.test import Client
from django.utils import timezone

from campaigns.models import Campaign, Pacer
from campaigns.views import pace_chart
from campaigns.views.forecast import Forecast, forecast
from campaigns.views.pace_chart import PaceChart
from tests.pages import world

INDIA = ZoneInfo("Asia/Kolkata")
NOON = datetime(2026, 11, 20, 12, 0, tzinfo=INDIA)


@pytest.fixture
def campaign(db: None) -> Campaign:
    """In a calling window from nine to nine, 30 calls a minute."""
    of = world.account(kind="exotel", name="Exotel", api_url="https://api.in.exotel.com", calls_per_minute=100)
    return world.draft(of, world.people(6), calls_per_second=Decimal("0.5"))


def _launched(campaign: Campaign, **ago: float) -> Campaign:
    campaign.status, campaign.launched_at = "running", NOON - timedelta(**ago)
    return campaign


def _ahead(**changes: Any) -> Forecast:
    values: dict[str, Any] = {"last_minute": 29, "pace": 28.0, "young": False, "so_far": 140}
    values |= {"elapsed": timedelta(minutes=5), "ends_at": NOON + timedelta(hours=3), "last_call": None}
    return Forecast(**{**values, **changes})


def _draw(campaign: Campaign, known: dict[datetime, int], ahead: Forecast) -> PaceChart:
    along = pace_chart.axis(campaign, ahead.ends_at, NOON)
    return pace_chart.draw(campaign, known, ahead, along, NOON)


def test_after_hours_of_dialling_the_axis_is_the_whole_calling_window(campaign: Campaign) -> None:
    along = pace_chart.axis(_launched(campaign, hours=2.5), NOON + timedelta(hours=4), NOON)
    assert (along.start.astimezone(INDIA).hour, along.end.astimezone(INDIA).hour) == (9, 21)


@pytest.mark.parametrize(("minutes", "longest"), [(0, 12), (2, 15), (15, 105), (40, 270)])
def test_a_young_campaign_is_drawn_so_that_its_minutes_can_be_seen(
    campaign: Campaign, minutes: int, longest: int
) -> None:
    along = pace_chart.axis(_launched(campaign, minutes=minutes), NOON + timedelta(hours=8), NOON)
    assert along.start <= NOON - timedelta(minutes=minutes)
    assert along.end > NOON
    assert (along.end - along.start) <= timedelta(minutes=longest)


def test_a_short_campaign_that_has_ended_fills_its_axis(campaign: Campaign) -> None:
    campaign.ended_at = NOON - timedelta(minutes=40)
    along = pace_chart.axis(_launched(campaign, minutes=75), None, NOON)
    assert along.start == NOON - timedelta(minutes=75)
    assert along.end - along.start <= timedelta(minutes=40)


def test_only_whole_minutes_are_drawn_and_told_in_the_table(campaign: Campaign) -> None:
    known = {NOON - timedelta(minutes=3): 10, NOON - timedelta(minutes=1): 30, NOON: 7}
    chart = _draw(_launched(campaign, minutes=3), known, _ahead())
    assert [(at.astimezone(INDIA).minute, calls) for at, calls in chart.rows] == [(59, 30), (58, 0), (57, 10)]
    assert chart.every == "minute"
    assert "29 in the last 60 s, at most 30 so far; the target is 30" in chart.title


def test_long_campaigns_are_drawn_by_five_minutes(campaign: Campaign) -> None:
    known = {NOON - timedelta(minutes=minute): 20 for minute in range(1, 150)}
    chart = _draw(_launched(campaign, hours=2.5), known, _ahead())
    assert chart.every == "5 minutes"
    assert chart.rows[0][1] == 20
    assert len(chart.rows) == 12


def test_the_way_ahead_ends_where_everybody_is_called(campaign: Campaign) -> None:
    chart = _draw(_launched(campaign, hours=2.5), {}, _ahead())
    assert chart.end_text == "15:00 IST"
    assert chart.end_x == "50.00%"
    assert chart.now_x == "25.00%"
    assert chart.forecast.startswith("M25.00 ")
    assert chart.forecast.endswith("L50.00 100.0")


def test_while_it_is_paused_there_is_no_way_ahead(campaign: Campaign) -> None:
    _launched(campaign, hours=2.5).status = "paused"
    chart = _draw(campaign, {}, _ahead())
    assert (chart.forecast, chart.end_x, chart.now_x) == ("", "", "25.00%")


def test_beyond_the_axis_the_way_ahead_has_no_end(campaign: Campaign) -> None:
    chart = _draw(_launched(campaign, hours=2.5), {}, _ahead(ends_at=NOON + timedelta(days=1)))
    assert (chart.end_x, chart.end_text) == ("", "")
    assert not chart.forecast.endswith("100.0")
    assert "everybody due is called about" in chart.title


def test_the_time_after_the_last_call_is_amber(campaign: Campaign) -> None:
    campaign.ring_timeout = 590
    chart = _draw(_launched(campaign, hours=2.5), {}, _ahead())
    assert chart.margins == [("98.61%", "1.39%")]
    assert chart.last_call == "20:50 IST"


def test_an_ended_campaign_has_no_now_and_no_way_ahead(campaign: Campaign) -> None:
    campaign.ended_at = NOON - timedelta(minutes=5)
    chart = _draw(_launched(campaign, minutes=30), {NOON - timedelta(minutes=9): 4}, _ahead(ends_at=None))
    assert (chart.now_x, chart.forecast, chart.end_x) == ("", "", "")
    assert chart.title == "Calls a minute from launch to end: at most 4; the target was 30."


# ---------------------------------------------------------------------------------------------------------- forecast
def test_before_a_minute_has_passed_the_plans_pace_tells_the_end(client_of_meera: Client, db: None) -> None:
    account = world.account(max_concurrent=500, calls_per_minute=1000)
    Pacer.objects.update(loop_seen_at=timezone.now())
    campaign = world.launched(account, world.people(200), calls_per_second=Decimal(1), max_concurrent=500)
    now = timezone.now()
    first = forecast(campaign, 200, now)
    assert first.young
    assert first.ends_at == now + timedelta(minutes=200 / 60)
    world.call(world.first_of(campaign), intent_at=now - timedelta(seconds=12))
    young = forecast(campaign, 200, now)
    assert (young.young, young.so_far, young.pace) == (True, 1, 60)
    page = client_of_meera.get(f"/campaigns/{campaign.pk}/?part=verdict").content.decode()
    assert re.search(r"Dialling: 1 call in \d\d s, up to 60 a minute\.", page)


def test_after_a_minute_the_pace_of_the_last_five_tells_it(db: None) -> None:
    campaign = world.launched(world.account(), world.people(40))
    now = timezone.now()
    for place, person in enumerate(campaign.contacts.select_related("campaign__account")[:20]):
        world.call(person, intent_at=now - timedelta(seconds=6 * (place + 1)))
    found = forecast(campaign, 50, now)
    assert (found.young, found.last_minute, found.pace) == (False, 9, 10)
    assert found.ends_at == now + timedelta(minutes=5)
