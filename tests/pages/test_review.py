"""The review: who will be called and when it ends, who will not be, the checks, a call to oneself, a time to start."""

from datetime import datetime, time, timedelta
from decimal import Decimal
from zoneinfo import ZoneInfo

import pytest
from django.test import Client
from django.utils import timezone

from campaigns import suppressing
from campaigns.audit import COMMAND_LINE
from campaigns.calling_hours import Window
from campaigns.creating import Retry
from campaigns.filters import Condition
from campaigns.models import Campaign, ContactList, StreamUse
from campaigns.views.plan_day import plan_day
from tests.pages import world

KOLKATA = ZoneInfo("Asia/Kolkata")
pytestmark = pytest.mark.django_db


def page(client: Client, campaign: Campaign) -> str:
    return client.get(f"/campaigns/{campaign.pk}/").content.decode()


def test_the_sum_adds_up_and_each_part_has_its_reason(client_of_meera: Client) -> None:
    one, other = world.people(6), ContactList.objects.create(name="Again")
    for person in one.contacts.all()[:2]:
        other.contacts.create(phone=person.phone, name=person.name)
    suppressing.suppress([one.contacts.latest("pk").phone], reason="asked", by=COMMAND_LINE)
    text = page(client_of_meera, world.draft(world.account(), one, other))
    assert "8 on the lists = 5 + 3" in text
    assert "3 people will not be called" in text
    assert "On do-not-call" in text
    assert "They are called once, from the other list" in text
    assert "Call 5 people now" in text


def test_without_anybody_left_out_it_says_so(client_of_meera: Client) -> None:
    assert "Nobody is left out" in page(client_of_meera, world.draft(world.account(), world.people()))


def test_who_does_not_match_is_left_out_and_told_why(client_of_meera: Client) -> None:
    one = world.people(6)
    one.contacts.filter(pk=one.contacts.latest("pk").pk).update(language="mr")
    text = page(client_of_meera, world.draft(world.account(), one, audience=[Condition("language", "is", "mr")]))
    assert "6 on the lists = 1 + 5" in text
    assert "Do not match: language is mr" in text
    assert '<span class="muted">only those:</span> language is mr' in text
    assert "1 person will be called" in text


def test_fewer_streams_than_calls_is_a_warning_and_no_problem(client_of_meera: Client) -> None:
    account = world.account()
    StreamUse.objects.create(account=account, asked_at=timezone.now(), seen_at=timezone.now(), limit=2)
    text = page(client_of_meera, world.draft(account, world.people(), max_concurrent=9))
    assert "Fewer streams than calls" in text
    assert "disabled" not in text.split("Call 3 people")[0].rpartition("<button")[2]


def test_a_draft_that_could_not_start_says_why(client_of_meera: Client) -> None:
    campaign = world.draft(world.account(), world.people())
    Campaign.objects.update(paused_by="Dialer", paused_reason="It was to start on 21 Nov and could not: no list.")
    assert "It was to start on 21 Nov and could not: no list." in page(client_of_meera, campaign)
    assert "did not start." in client_of_meera.get("/").content.decode()


def test_it_is_scheduled_and_called_off_from_the_page(client_of_meera: Client) -> None:
    campaign = world.draft(world.account(), world.people())
    at = (timezone.now() + timedelta(days=1)).astimezone(KOLKATA)
    path = f"/campaigns/{campaign.pk}/schedule"
    text = client_of_meera.post(path, {"at": f"{at:%Y-%m-%dT%H:%M}"}, follow=True).content.decode()
    assert "Starts by itself" in text
    assert Campaign.objects.get().status == "scheduled"
    client_of_meera.post(path, {"act": "off"})
    assert Campaign.objects.get().status == "draft"
    assert (
        "That time has passed" in client_of_meera.post(path, {"at": "2020-01-01T10:00"}, follow=True).content.decode()
    )


def test_my_own_phone_hears_what_the_first_person_would(client_of_meera: Client) -> None:
    sent = {"message": "Hello {name}, {due} rupees.", "question": "", "keys": ""}
    campaign = world.draft(world.account(), world.people(), bot="announcer", bot_options=sent)
    answer = client_of_meera.post(f"/campaigns/{campaign.pk}/call-me", {"number": "90000 01777"})
    trial = Campaign.objects.get(is_test=True)
    assert answer["Location"] == f"/settings/trial-calls/{trial.pk}"
    assert trial.bot_options["message"] == "Hello Kavita 0, 4350 rupees."
    assert list(trial.contacts.values_list("phone", flat=True)) == ["+919000001777"]
    assert not trial.lists.exists()


def test_a_number_that_cannot_be_called_is_refused_on_the_page(client_of_meera: Client) -> None:
    campaign = world.draft(world.account(), world.people())
    answer = client_of_meera.post(f"/campaigns/{campaign.pk}/call-me", {"number": "12"})
    assert answer.status_code == 400
    assert "“12” cannot be called" in answer.content.decode()
    assert 'value="12"' in answer.content.decode()


# ------------------------------------------------------------------------------------------------- plan of the day
def planned() -> Campaign:
    rules = [Retry("no-answer", 2, Decimal(30))]
    fields = {
        "window": Window(time(9), time(21)),
        "retries": rules,
        "max_attempts": 3,
        "calls_per_second": Decimal("0.2"),
    }
    return world.draft(world.account(), world.people(1), **fields)


def test_the_day_ends_when_everybody_and_their_retries_are_called() -> None:
    morning = datetime(2026, 11, 20, 10, 0, tzinfo=KOLKATA)
    day = plan_day(planned(), 360, morning)
    assert day is not None
    first, second, third = (n for *_, n in day.keys)
    assert (first, second, third) == (360, 112, 35)  # half are answered, 62 % of the others are no answers
    assert day.expected.ends_at is not None
    # 30 minutes of first calls at 12 a minute; the last third call comes an hour of waiting later.
    assert timedelta(minutes=85) < day.expected.ends_at - morning < timedelta(minutes=115)
    assert day.margin is not None
    assert day.last_call == datetime(2026, 11, 20, 20, 59, 5, tzinfo=KOLKATA)


def test_a_day_that_is_too_short_does_not_see_the_end() -> None:
    evening = datetime(2026, 11, 20, 20, 0, tzinfo=KOLKATA)
    day = plan_day(planned(), 5000, evening)
    assert day is not None
    assert day.expected.ends_at is None
    assert 12 * 55 <= day.calls <= 12 * 61


def test_before_the_hours_open_the_plan_begins_when_they_do() -> None:
    night = datetime(2026, 11, 20, 3, 0, tzinfo=KOLKATA)
    day = plan_day(planned(), 10, night)
    assert day is not None
    assert day.begins_at == datetime(2026, 11, 20, 9, 0, tzinfo=KOLKATA)
    assert day.rows[0][0] == day.begins_at


def test_nobody_to_call_has_no_day() -> None:
    now = timezone.now()
    assert plan_day(planned(), 0, now) is None
