"""A plan becomes a draft: defaults by kind and purpose, and every refusal before anything is written."""

from datetime import time
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from campaigns import creating
from campaigns.audit import COMMAND_LINE, Actor
from campaigns.calling_hours import Window
from campaigns.creating import Retry
from campaigns.models import AuditEntry, CallerId, Campaign, User
from campaigns.refusals import NotAllowed
from tests import people
from tests.campaigns import plans

pytestmark = pytest.mark.django_db


def refusals(**changes: Any) -> list[str]:
    with pytest.raises(NotAllowed) as refused:
        plans.draft(**changes)
    assert not Campaign.objects.exists()
    assert not AuditEntry.objects.exists()
    return refused.value.problems


@pytest.mark.parametrize(
    ("purpose", "window"),
    [
        ("service", (time(9), time(21))),
        ("promotional", (time(9), time(21))),
        ("recovery", (time(8), time(19))),
    ],
)
def test_a_real_account_has_the_legal_hours_by_default(purpose: str, window: tuple[time, time]) -> None:
    campaign = plans.draft(plans.real(), purpose=purpose)
    assert (campaign.window_start, campaign.window_end) == window


@pytest.mark.parametrize("purpose", ["service", "promotional", "recovery"])
def test_a_simulated_account_calls_all_day_by_default(purpose: str) -> None:
    campaign = plans.draft(purpose=purpose)
    assert (campaign.window_start, campaign.window_end) == (time(0), time(0))


def test_the_other_defaults_are_the_accounts() -> None:
    campaign = plans.draft(people.account(calls_per_minute=60, max_concurrent=30))
    assert (campaign.calls_per_second, campaign.max_concurrent) == (Decimal("0.9"), 30)
    assert (campaign.status, campaign.time_limit, campaign.max_attempts) == ("draft", 300, 1)
    assert plans.draft(people.account(max_concurrent=900)).max_concurrent == creating.DEFAULT_SLOTS


def test_the_bots_options_get_their_defaults() -> None:
    campaign = plans.draft(bot="announcer", bot_options={"message": "Namaste"})
    assert campaign.bot_options["message"] == "Namaste"
    assert campaign.bot_options["goodbye"] == "Goodbye."


def test_who_created_it_is_kept(meera: User) -> None:
    campaign = creating.create(plans.plan(), by=Actor.of(meera))
    assert campaign.created_by == meera
    entry = AuditEntry.objects.get()
    assert (entry.actor, entry.action, entry.details) == (meera, "create", {"name": "Reminder"})


WRONG = [
    ({"name": "  "}, "Give the campaign a name."),
    ({"name": "x" * 121}, "The name must have at most 120 characters."),
    ({"lists": ()}, "Choose at least one contact list."),
    ({"caller_id": "0" * 21}, "is not a phone number."),
    ({"calls_per_second": Decimal(0)}, "Calls per second must be at least 0.001"),
    ({"calls_per_second": Decimal("0.0004")}, "Calls per second must be at least 0.001"),
    ({"calls_per_second": Decimal(1000)}, "Calls per second must be at most 999."),
    ({"max_concurrent": 0}, "At least one call at a time must be allowed."),
    ({"max_concurrent": 10**12}, "At most 100,000 calls at a time can be allowed."),
    ({"ring_timeout": 4}, "The ring timeout must be between 5 and 300 seconds."),
    ({"max_attempts": 0}, "At least one attempt must be allowed."),
    ({"max_attempts": 101}, "At most 100 attempts can be allowed."),
    ({"sample_rate": 44_100}, "The sample rate must be 8000, 16000 or 24000."),
    ({"mode": "fax"}, "The mode must be one of bot, flow."),
    ({"purpose": "fun"}, "The purpose must be one of service, promotional, recovery."),
    ({"time_zone": "Mars/Olympus"}, "“Mars/Olympus” is not a time zone"),
    ({"time_zone": ""}, "“” is not a time zone"),
    ({"time_zone": "../../etc/passwd"}, "is not a time zone"),
    ({"time_limit": 3_601}, "The time limit must be between 5 and 3,600 seconds"),
    ({"time_limit": 14_401, "mode": "flow", "flow_url": people.FLOW}, "The time limit must be between 5 and 14,400"),
    ({"bot": "parrot"}, "There is no bot “parrot”: choose one of announcer, echo"),
    ({"bot": "echo", "bot_options": {"mesage": "x"}}, "The bot “echo” has no option “mesage”"),
    ({"stream_name": "x" * 33}, "The stream name must have at most 32 characters."),
    ({"mode": "flow"}, "Flow mode needs the flow's address"),
    ({"mode": "flow", "flow_url": "http://my.exotel.com/" + "x" * 500}, "at most 500 characters"),
    ({"retries": [Retry("busy", 1, Decimal(-1))]}, "The time until a retry must be between 0 and 99,999 minutes."),
    ({"retries": [Retry("busy", 1, Decimal(10**9))]}, "The time until a retry must be between 0 and 99,999 minutes."),
]


@pytest.mark.parametrize(("changes", "sentence"), WRONG, ids=[sentence[:40] for _, sentence in WRONG])
def test_what_cannot_be_is_refused_in_words(changes: dict[str, Any], sentence: str) -> None:
    told = refusals(**changes)
    assert any(sentence in one for one in told), told


def test_all_that_is_wrong_is_told_at_once() -> None:
    assert len(refusals(name="", max_concurrent=0, bot="parrot")) == 3


@pytest.mark.parametrize(
    ("text", "start", "end"),
    [
        ("09:00-21:00", time(9), time(21)),
        ("9:00 - 21:30", time(9), time(21, 30)),
        ("09:00–21:00", time(9), time(21)),
        ("00:00-24:00", time(0), time(0)),
        ("22:00-06:00", time(22), time(6)),
    ],
)
def test_a_window_is_read_as_people_write_it(text: str, start: time, end: time) -> None:
    assert creating.read_window(text) == Window(start, end)


@given(
    st.one_of(
        st.text(max_size=20),
        st.sampled_from(
            ["9-21", "09:00", "09:00-", "25:00-26:00", "09:00-10:00-11:00", "09:00+05:30-21:00", "9.00-21.00"]
        ),
    )
)
def test_anything_else_is_refused_in_words(text: str) -> None:
    try:
        window = creating.read_window(text)
    except NotAllowed as refused:
        assert str(refused) == f"Calling hours “{text}” are not like 09:00-21:00."  # noqa: PT017
    else:
        assert window.start.tzinfo is None


@pytest.mark.parametrize("text", ["", "fast", "NaN", "Infinity", "1,5"])
def test_a_number_that_is_none_is_refused_in_words(text: str) -> None:
    with pytest.raises(NotAllowed, match=r"--calls-per-second: “.*” is not a number\."):
        creating.read_decimal(text, "--calls-per-second")


def test_one_rule_for_all_retries_what_was_not_reached() -> None:
    rules = creating.one_rule_for_all(3, Decimal(15))
    assert {(rule.outcome, rule.times, rule.delay_minutes) for rule in rules} == {
        ("no-answer", 2, Decimal(15)),
        ("busy", 2, Decimal(15)),
        ("failed", 2, Decimal(15)),
    }
    assert creating.one_rule_for_all(1, Decimal(15)) == []


class TestUpdate:
    def test_a_draft_is_rewritten_as_a_whole(self) -> None:
        campaign = plans.draft(retries=[Retry("busy", 1, Decimal(5))])
        changed = plans.plan(campaign.account, name="Other", retries=[Retry("failed", 2, Decimal(5))])
        creating.update(campaign, changed, by=COMMAND_LINE)
        campaign.refresh_from_db()
        assert campaign.name == "Other"
        assert list(campaign.retry_rules.values_list("outcome", "times")) == [("failed", 2)]
        assert [link.contact_list for link in campaign.list_links.all()] == list(changed.lists)
        assert AuditEntry.objects.filter(action="edit").count() == 1

    @pytest.mark.parametrize("status", ["running", "paused", "completed", "cancelled"])
    def test_what_was_launched_is_not_rewritten(self, status: str) -> None:
        campaign = people.campaign(status=status)
        with pytest.raises(NotAllowed, match="only a draft can be rewritten"):
            creating.update(campaign, plans.plan(campaign.account, name="Other"), by=COMMAND_LINE)
        campaign.refresh_from_db()
        assert campaign.name != "Other"

    def test_a_wrong_plan_changes_nothing(self) -> None:
        campaign = plans.draft()
        with pytest.raises(NotAllowed):
            creating.update(campaign, plans.plan(campaign.account, name=""), by=COMMAND_LINE)
        campaign.refresh_from_db()
        assert campaign.name == "Reminder"


class TestDefaults:
    def test_the_account_of_the_environment_comes_first(self) -> None:
        people.account()
        ours = people.account(from_environment=True)
        assert creating.default_account() == ours

    def test_without_an_account_the_operator_is_told_what_to_set(self) -> None:
        with pytest.raises(NotAllowed, match=r"No Exotel account is set up\. Set the EXOTEL_"):
            creating.default_account()

    def test_the_default_caller_id_comes_first(self) -> None:
        account = people.account()
        CallerId.objects.create(account=account, number="08000000001")
        CallerId.objects.create(account=account, number="08000000002", is_default=True)
        assert creating.default_caller_id(account) == "08000000002"

    def test_without_a_caller_id_the_operator_is_told_what_to_do(self) -> None:
        with pytest.raises(NotAllowed, match="Name an ExoPhone with --caller-id, or set EXOTEL_CALLER_ID"):
            creating.default_caller_id(people.account())
