"""create_, launch_, pause_, resume_, stop_campaign and campaign_status: the names, flags and keys scripts depend on."""

from datetime import datetime, time, timedelta
from decimal import Decimal
from zoneinfo import ZoneInfo

import pytest
from django.db import transaction
from django.utils import timezone

from campaigns import holds, pacing
from campaigns.holds import Hold
from campaigns.models import AuditEntry, Campaign, ExotelAccount, Pacer
from tests import people
from tests.commands.conftest import Manage

STATUS_KEYS = ["status", "contacts", "outcomes", "attempts", "uncertain", "waiting"]


@pytest.mark.usefixtures("account")
def test_a_campaign_from_draft_to_cancelled(manage: Manage) -> None:
    people.contact_list(2, name="Pune")
    created = manage("create_campaign", "--name", "EMI", "--list", "Pune", "--mode", "bot", "--bot", "echo", "--json")
    assert list(created.answer) == ["id"]
    campaign = str(created.answer["id"])

    assert manage("launch_campaign", campaign, "--json").answer == {"id": int(campaign), "status": "running"}
    assert manage("pause_campaign", campaign, "--json").answer["status"] == "paused"
    assert manage("resume_campaign", campaign, "--json").answer["status"] == "running"

    status = manage("campaign_status", campaign, "--json").answer
    assert list(status) == STATUS_KEYS
    assert status == {
        "status": "running",
        "contacts": {"pending": 2, "in call": 0, "retry at": 0, "done": 0, "skipped": 0, "uncertain": 0},
        "outcomes": {
            "answered": 0, "busy": 0, "no-answer": 0, "failed": 0, "cancelled": 0, "refused": 0, "unknown": 0,
        },
        "attempts": 0,
        "uncertain": 0,
        "waiting": "The dialling worker starts within seconds.",
    }  # fmt: skip

    assert manage("stop_campaign", campaign, "--json").answer == {
        "id": int(campaign), "status": "cancelled", "talks": 0, "ringing": 0
    }  # fmt: skip
    after = manage("campaign_status", campaign, "--json").answer
    assert (after["status"], after["contacts"]["skipped"], after["waiting"]) == ("cancelled", 2, None)
    acts = AuditEntry.objects.order_by("pk").values_list("action", "actor_name")
    assert list(acts) == [(act, "command line") for act in ("create", "launch", "pause", "resume", "stop")]


def test_a_held_account_is_told_with_the_mend_and_resumed_from_the_command_line(here: Manage) -> None:
    campaign = people.campaign()
    with transaction.atomic():
        hold = Hold("payment", "The Exotel account is out of credit.", probes=False)
        holds.put(pacing.lock(campaign.account_id), hold, timezone.now())
    Pacer.objects.update(loop_seen_at=timezone.now() + timedelta(hours=1))  # a worker that never gets old
    told = here("campaign_status", str(campaign.pk)).out
    assert "The Exotel account is out of credit. Recharge the Exotel account" in told
    assert "resume_campaign" in told
    assert here("resume_campaign", str(campaign.pk), "--json").answer["status"] == "running"
    assert people.pacer(campaign.account).held_code == ""


@pytest.mark.usefixtures("account")
def test_every_flag_of_create_campaign_reaches_the_campaign(here: Manage) -> None:
    people.contact_list(1, name="Pune")
    words = (
        "create_campaign --name EMI --list Pune --mode flow --caller-id 08047491900 --calls-per-second 2.5 "
        "--max-concurrent 7 --window 10:00-18:30 --time-zone Asia/Singapore --time-limit 600 --ring-timeout 30 "
        f"--max-attempts 3 --retry-minutes 15 --purpose recovery --record --flow-url {people.FLOW} --weight 3 "
        "--end 2099-11-21T18:00 --json"
    )
    made = Campaign.objects.get(pk=here(*words.split()).answer["id"])
    assert (made.name, made.mode, made.bot, made.flow_url) == ("EMI", "flow", "", people.FLOW)
    assert (made.caller_id, made.calls_per_second, made.max_concurrent) == ("08047491900", Decimal("2.5"), 7)
    assert (made.window_start, made.window_end, made.time_zone) == (time(10), time(18, 30), "Asia/Singapore")
    assert (made.time_limit, made.ring_timeout, made.max_attempts) == (600, 30, 3)
    assert (made.purpose, made.record, made.weight) == ("recovery", True, 3)
    assert made.ends_at == datetime(2099, 11, 21, 18, tzinfo=ZoneInfo("Asia/Singapore"))
    rules = made.retry_rules.values_list("outcome", "times", "delay_minutes")
    assert set(rules) == {(outcome, 2, Decimal(15)) for outcome in ("busy", "no-answer", "failed")}


def test_the_hours_default_to_the_legal_ones_for_a_real_account_only(here: Manage, account: ExotelAccount) -> None:
    people.contact_list(1, name="Pune")
    words = ("create_campaign", "--name", "x", "--list", "Pune", "--mode", "bot", "--bot", "echo", "--json")
    simulated = Campaign.objects.get(pk=here(*words).answer["id"])
    assert simulated.window_start == simulated.window_end
    ExotelAccount.objects.filter(pk=account.pk).update(kind="exotel", api_url="https://api.in.exotel.com")
    real = Campaign.objects.get(pk=here(*words).answer["id"])
    assert (real.window_start, real.window_end) == (time(9), time(21))


REFUSED = {
    "no such list": ("create_campaign --name x --list Poona --mode bot", "There is no contact list “Poona”"),
    "no such bot": ("create_campaign --name x --list Pune --mode bot --bot parrot", "There is no bot “parrot”"),
    "bad window": (
        "create_campaign --name x --list Pune --mode bot --window 9to5",
        "Calling hours “9to5” are not like",
    ),
    "no number": ("create_campaign --name x --list Pune --mode bot --calls-per-second fast", "“fast” is not a number."),
    "no option": ("create_campaign --name x --list Pune --mode bot --bot-option message", "is not like NAME=VALUE"),
    "too long": ("create_campaign --name x --list Pune --mode bot --time-limit 9999", "The time limit must be between"),
    "no flow": ("create_campaign --name x --list Pune --mode flow", "Flow mode needs the flow's address"),
    "no such mode": ("create_campaign --name x --list Pune --mode fax", "invalid choice: 'fax'"),
    "no such campaign": ("launch_campaign 99", "There is no campaign 99."),
    "no id": ("campaign_status soon", "invalid int value: 'soon'"),
}


@pytest.mark.usefixtures("account")
def test_what_is_refused_is_a_sentence_on_standard_error_and_status_1(here: Manage) -> None:
    people.contact_list(1, name="Pune")
    for what, (words, sentence) in REFUSED.items():
        done = here(*words.split(), "--json")
        assert (done.status, done.out) == (1, ""), what
        assert sentence in done.err
        assert "Traceback" not in done.err


@pytest.mark.usefixtures("account")
def test_a_launch_that_is_refused_says_why(here: Manage) -> None:
    empty = people.contact_list(0, name="Empty")
    campaign = people.campaign(status="draft", lists=[empty], caller_id="nobody")
    told = here("launch_campaign", str(campaign.pk), "--json").refusal.splitlines()
    assert told[0] == "The chosen lists are empty: import a file first."
    assert told[1].startswith("The caller ID is not a phone number.")
    assert here("pause_campaign", str(campaign.pk)).refusal == "This campaign is a draft, not running."


@pytest.mark.usefixtures("account")
def test_without_json_it_speaks_in_sentences(here: Manage) -> None:
    people.contact_list(1, name="Pune")
    made = here("create_campaign", "--name", "EMI", "--list", "Pune", "--mode", "bot", "--bot", "echo")
    campaign = Campaign.objects.get()
    assert made.out == f"Campaign {campaign.pk}, “EMI”, is a draft.\n"
    said = here("campaign_status", str(campaign.pk)).out
    assert said == "EMI is draft. People: nobody enrolled yet. Calls: no calls yet.\n"


@pytest.mark.usefixtures("account")
def test_a_launch_at_a_time_is_scheduled_and_can_be_called_off(here: Manage) -> None:
    campaign = people.campaign(status="draft", lists=[people.contact_list(1)])
    told = here("launch_campaign", str(campaign.pk), "--at", "2126-11-21 09:30").refusal
    assert told == "A campaign can be planned for a year ahead at most."
    tomorrow = f"{timezone.now() + timedelta(days=1):%Y-%m-%d} 09:30"
    answer = here("launch_campaign", str(campaign.pk), "--at", tomorrow, "--json").answer
    assert answer == {"id": campaign.pk, "status": "scheduled", "at": f"{tomorrow.replace(' ', 'T')}:00+05:30"}
    assert here("unschedule_campaign", str(campaign.pk), "--json").answer["status"] == "draft"
