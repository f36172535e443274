"""When people answer: by weekday and hour of the display zone, only where there were enough calls."""

from datetime import datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from django.test import Client
from django.utils import timezone

from campaigns import tallies
from campaigns.models import ExotelAccount, Tally
from campaigns.views.heat import Heat, heat
from tests.pages import world

INDIA = ZoneInfo("Asia/Kolkata")
FRIDAY = datetime(2026, 11, 20, 12, 0, tzinfo=INDIA)

pytestmark = pytest.mark.django_db


def _answers(at: datetime, answered: int, reached: int) -> None:
    minute = tallies.minute_of(at)
    for measure, n in (("answered", answered), ("reached", reached)):
        Tally.objects.create(about="hours:simulator", minute=minute - minute % 30, measure=measure, n=n)


def _heat() -> Heat:
    found = heat("simulator", FRIDAY)
    assert found
    return found


def _shares(of: Heat) -> dict[tuple[str, str], int]:
    hours = [hour for _, hour in of.hours]
    told = [(row.name, hour, cell.share) for row in of.rows for hour, cell in zip(hours, row.cells, strict=True)]
    return {(day, hour): share for day, hour, share in told if share is not None}


def test_both_halves_of_an_hour_and_all_four_weeks_come_together() -> None:
    for weeks in range(4):
        _answers(FRIDAY - timedelta(weeks=weeks, hours=1), 2, 4)
        _answers(FRIDAY - timedelta(weeks=weeks, minutes=30), 1, 6)
    _answers(FRIDAY - timedelta(weeks=5, hours=1), 900, 900)
    assert _shares(_heat()) == {("Fri", "11"): 30}


def test_too_few_calls_say_nothing() -> None:
    _answers(FRIDAY - timedelta(hours=1), 9, 9)
    assert heat("simulator", FRIDAY) is None


def test_the_palest_and_the_darkest_cell_are_the_ends_of_the_key() -> None:
    _answers(FRIDAY - timedelta(hours=1), 6, 20)
    _answers(FRIDAY - timedelta(hours=2), 13, 20)
    found = _heat()
    shades = {cell.share: cell.shade for row in found.rows for cell in row.cells if cell.share is not None}
    assert (found.low, found.high, shades) == (30, 65, {30: 0, 65: 5})
    assert found.title.endswith("Highest Fri at 10:00 with 65 %, lowest Fri at 11:00 with 30 %.")


def test_calls_outside_of_nine_to_nine_widen_the_map() -> None:
    _answers(FRIDAY.replace(hour=7), 6, 20)
    hours = [hour for _, hour in _heat().hours]
    assert (hours[0], hours[-1]) == ("07", "20")


def test_simulated_calls_do_not_mix_with_real_ones() -> None:
    _answers(FRIDAY - timedelta(hours=1), 6, 20)
    assert heat("exotel", FRIDAY) is None


@pytest.fixture
def account() -> ExotelAccount:
    return world.account()


def test_the_overview_shows_the_map_with_its_table(client_of_meera: Client, account: ExotelAccount) -> None:
    world.launched(account, world.people())
    assert "An hour appears here once ten calls have ended in it." in client_of_meera.get("/").content.decode()
    _answers(timezone.now() - timedelta(hours=2), 6, 20)
    page = client_of_meera.get("/").content.decode()
    assert 'id="heat-table"' in page
    assert '<td class="num">30</td>' in page
    refreshed = client_of_meera.get("/", headers={"HX-Request": "true"}).content.decode()
    assert "heat-table" not in refreshed
