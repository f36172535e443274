"""Why a campaign cannot be launched, in words an operator understands, with what to do. Nothing is changed."""

from datetime import time
from typing import Any

import pytest
from django.test import override_settings

from campaigns import control
from campaigns.calling_hours import Window
from campaigns.models import Campaign, ExotelAccount
from tests import people
from tests.campaigns import plans

pytestmark = pytest.mark.django_db
HTTPS = override_settings(PUBLIC_URL="https://dialer.example.in")
ANNOUNCER: dict[str, Any] = {"bot": "announcer", "bot_options": {"message": "Hello {name}", "keys": "", "question": ""}}


def problem(campaign: Campaign) -> str:
    """The one thing that is wrong."""
    [sentence] = control.problems(campaign)
    return sentence


def test_a_whole_campaign_has_no_problem() -> None:
    assert control.problems(plans.draft()) == []


def test_a_whole_campaign_of_a_real_account_has_no_problem() -> None:
    with HTTPS:
        assert control.problems(plans.draft(plans.real())) == []


def test_an_empty_list_is_named() -> None:
    assert problem(plans.draft(lists=[people.contact_list(0)])) == "The chosen lists are empty: import a file first."


def test_a_campaign_without_a_list_is_told_so() -> None:
    campaign = plans.draft()
    campaign.list_links.all().delete()
    assert problem(campaign) == "No contact list is chosen."


@pytest.mark.parametrize("caller_id", ["nobody", "+91 80 47", "", "0804789189x"])
def test_a_caller_id_that_is_no_number_is_named(caller_id: str) -> None:
    assert problem(plans.draft(caller_id=caller_id)).startswith("The caller ID is not a phone number.")


def test_a_stream_address_of_600_characters_is_refused() -> None:
    campaign = plans.draft()
    with override_settings(PUBLIC_STREAM_URL="wss://media.example.in/" + "a" * 600):
        assert "characters; Exotel takes fewer than 600." in problem(campaign)


def test_a_stream_address_just_below_600_characters_is_taken() -> None:
    campaign = plans.draft()
    room = 599 - len(control.example_request(campaign).stream_url)
    with override_settings(PUBLIC_STREAM_URL="ws://127.0.0.1:8000" + "/" + "a" * (room - 1)):
        assert len(control.example_request(campaign).stream_url) == 599
        assert control.problems(campaign) == []


@pytest.mark.parametrize("address", ["http://media.example.in", "https://media.example.in", "media.example.in"])
def test_a_stream_address_that_is_no_websocket_is_refused(address: str) -> None:
    with override_settings(PUBLIC_STREAM_URL=address):
        assert "must begin with wss:// or ws://" in " ".join(control.problems(plans.draft()))


@pytest.mark.parametrize("limit", [0, 3_601, 14_400])
def test_a_time_limit_that_a_bot_cannot_have_is_refused(limit: int) -> None:
    campaign = plans.draft()
    Campaign.objects.update(time_limit=limit)
    campaign.refresh_from_db()
    assert problem(campaign) == "The time limit must be between 1 and 3,600 seconds for a call to a bot."


def test_a_flow_may_last_four_hours() -> None:
    assert control.problems(plans.draft(mode="flow", bot="", flow_url=people.FLOW, time_limit=14_400)) == []


def test_a_flow_somewhere_else_is_refused() -> None:
    campaign = plans.draft(mode="flow", bot="", flow_url="https://example.in/flow")
    assert problem(campaign).startswith("The flow URL must be one of Exotel's flows")


def test_plain_http_is_refused_when_the_far_side_is_exotel() -> None:
    sentence = problem(plans.draft(plans.real()))
    assert sentence.startswith("Exotel cannot call back over plain http (http://127.0.0.1:8000).")
    assert "Set PUBLIC_URL to the https address" in sentence


def test_a_plain_stream_address_is_refused_when_the_far_side_is_exotel() -> None:
    with HTTPS, override_settings(PUBLIC_STREAM_URL="ws://media.example.in"):
        assert problem(plans.draft(plans.real())).startswith("Exotel needs a wss address for the bot's stream")


def test_plain_http_is_well_enough_for_the_simulator() -> None:
    assert control.problems(plans.draft(people.account())) == []


@pytest.mark.parametrize(
    ("purpose", "window", "limit"),
    [
        ("service", Window(time(8), time(21)), "09:00–21:00"),
        ("promotional", Window(time(9), time(22)), "09:00–21:00"),
        ("recovery", Window(time(7, 59), time(19)), "08:00–19:00"),
        ("service", Window(time(0), time(0)), "09:00–21:00"),
        ("service", Window(time(20), time(10)), "09:00–21:00"),
    ],
)
def test_hours_wider_than_the_law_are_refused(purpose: str, window: Window, limit: str) -> None:
    with HTTPS:
        sentence = problem(plans.draft(plans.real(), purpose=purpose, window=window))
    assert (
        f"are wider than the law allows for {purpose if purpose != 'recovery' else 'loan recovery'} calls" in sentence
    )
    assert limit in sentence


def test_hours_in_which_no_phone_has_time_to_ring_are_refused() -> None:
    sentence = problem(plans.draft(window=Window(time(9), time(9, 1)), ring_timeout=60))
    assert sentence == "The calling hours are too short: the phone must have time to ring before they end. Widen them."


def test_a_simulated_account_may_call_at_night() -> None:
    assert control.problems(plans.draft(window=Window(time(22), time(6)))) == []


def test_a_bot_that_is_not_installed_is_named() -> None:
    campaign = plans.draft()
    Campaign.objects.update(bot="parrot")
    campaign.refresh_from_db()
    assert problem(campaign).startswith("There is no bot “parrot” here: choose one of announcer, echo")


def test_a_column_that_no_list_has_is_named() -> None:
    options = {**ANNOUNCER["bot_options"], "message": "You owe {amount}"}
    sentence = problem(plans.draft(bot="announcer", bot_options=options))
    assert sentence == "“Message” uses {amount}, but the list has no column of that name. There is {name}."


def test_a_column_that_one_of_the_lists_has_will_do() -> None:
    lists = [people.contact_list(1, columns=["amount"]), people.contact_list(1)]
    options = {**ANNOUNCER["bot_options"], "message": "{name}, you owe {amount}"}
    assert control.problems(plans.draft(bot="announcer", bot_options=options, lists=lists)) == []


def test_text_that_nobody_can_speak_is_refused() -> None:
    campaign = plans.draft(**ANNOUNCER)
    with override_settings(SPEECH="tests.campaigns.mute"):
        assert problem(campaign).startswith("No voice is installed here, so text cannot be spoken")


def test_a_recording_needs_no_voice() -> None:
    options = {"message": "", "keys": "", "question": ""}
    campaign = plans.draft(bot="announcer", bot_options=options, audio={"recording": ("hello.wav", b"RIFF")})
    with override_settings(SPEECH="tests.campaigns.mute"):
        assert control.problems(campaign) == []


def test_everything_that_is_wrong_is_told_at_once() -> None:
    account: ExotelAccount = plans.real()
    campaign = plans.draft(account, caller_id="nobody", lists=[people.contact_list(0)], window=Window(time(0), time(0)))
    told = control.problems(campaign)
    assert len(told) == 4
    assert all(sentence.endswith((".", "1899.")) for sentence in told)
