"""Exotel takes calls but answers no questions about them: who waits for the last calls is told so, and since when."""

from datetime import timedelta
from io import StringIO
from itertools import pairwise
from typing import Any

import pytest
from django.core.management import call_command
from django.db import connection
from django.utils import timezone

from campaigns import progress, reconciling, unanswered, why
from campaigns.exotel.errors import Unexpected
from campaigns.lifecycle import AttemptState, ContactState
from campaigns.models import CallAttempt, Campaign, CampaignContact, ExotelAccount, Pacer
from tests import people
from tests.exotel.wire import far_side, http, refusal

pytestmark = pytest.mark.django_db

SID = "a" * 32
RINGING = b'{"Call": {"Sid": "%s", "Status": "in-progress"}}' % SID.encode()
SINCE = "Exotel has not answered questions about calls since "


def last_calls(url: str, calls: int = 1, **fields: Any) -> Campaign:
    """A campaign that a loop drives, whose last people are in calls of which nobody tells anything."""
    campaign = people.campaign(people.account(api_url=url))
    for n, contact in enumerate(people.contacts(campaign, calls, state=ContactState.IN_CALL)):
        known: dict[str, Any] = {
            "sid": f"{n:032d}" if n else SID,
            "check_at": timezone.now(),
            "placed_at": timezone.now(),
        }
        people.attempt(contact, **{"state": AttemptState.PLACED} | known | fields)
    Pacer.objects.update(loop_seen_at=timezone.now(), loop_owner=1)
    return campaign


def ask(account: ExotelAccount) -> None:
    """As if the next turn had come, and the wait of each call were over."""
    Pacer.objects.update(next_details_at=timezone.now())
    CallAttempt.objects.filter(check_at__isnull=False).update(check_at=timezone.now())
    assert reconciling.reconcile(account)


def waits_for(campaign: Campaign) -> str:
    found = progress.waiting(Campaign.objects.select_related("account").get(pk=campaign.pk))
    assert found is not None
    return found.reason


@pytest.mark.parametrize(
    ("calls", "answer", "words"),
    [
        (8, http(500), "HTTP 500"),
        (1, http(500, refusal(500, "Try later.")), "HTTP 500 (Try later)"),
        (8, http(302, b"", "Location: https://example.com/"), "HTTP 302"),
        (8, http(404), "HTTP 404"),
        (1, http(404), "HTTP 404"),
        (8, http(401), "HTTP 401"),
        (8, http(200, b"<html>maintenance</html>"), "the answer was not a list of calls"),
    ],
)
def test_who_waits_for_the_last_calls_is_told_what_exotel_answers_instead(
    calls: int, answer: bytes, words: str
) -> None:
    with far_side(answer) as exotel:
        campaign = last_calls(exotel.url, calls)
        ask(campaign.account)
    assert people.pacer(campaign.account).unanswered == words
    reason = waits_for(campaign)
    assert reason.startswith("Everybody was called; ")
    assert SINCE in reason
    assert reason.endswith(f": {words}.")


def test_it_is_said_by_the_commands_too() -> None:
    with far_side(http(500)) as exotel:
        campaign = last_calls(exotel.url)
        ask(campaign.account)
    phone = CampaignContact.objects.get().phone
    for command in (["campaign_status", str(campaign.pk)], ["why_not_called", str(campaign.pk), phone]):
        said = StringIO()
        call_command(*command, stdout=said)
        assert SINCE in said.getvalue()
    person = CampaignContact.objects.select_related("campaign__account").get()
    answer = why.explain(person)
    assert (answer.state, answer.stop and answer.stop.code) == ("over", "place")


def test_it_keeps_its_beginning_and_ends_with_the_next_answer() -> None:
    with far_side(http(500), http(302), http(200, RINGING)) as exotel:
        campaign = last_calls(exotel.url)
        ask(campaign.account)
        began = people.pacer(campaign.account).unanswered_since
        ask(campaign.account)
        still = people.pacer(campaign.account)
        ask(campaign.account)
    assert began is not None
    assert (still.unanswered, still.unanswered_since) == ("HTTP 302", began)
    after = people.pacer(campaign.account)
    assert (after.unanswered, after.unanswered_since) == ("", None)
    assert waits_for(campaign) == "Everybody was called; 1 call is still open."


def test_nobody_there_is_no_answer_either() -> None:
    campaign = last_calls("http://127.0.0.1:9")
    ask(campaign.account)
    assert waits_for(campaign).endswith(": the connection was refused.")


def test_a_call_that_is_over_and_not_known_there_says_nothing_about_the_others() -> None:
    with far_side(http(404)) as exotel:
        campaign = last_calls(exotel.url, state=AttemptState.ENDED, outcome="busy")
        ask(campaign.account)
    assert people.pacer(campaign.account).unanswered == ""


def test_a_429_is_a_back_off_and_changes_nothing_here() -> None:
    with far_side(http(429)) as exotel:
        campaign = last_calls(exotel.url)
        unanswered.note(campaign.account_id, "HTTP 500")
        ask(campaign.account)
    assert people.pacer(campaign.account).unanswered == "HTTP 500"


def test_the_row_that_intents_wait_for_is_written_only_when_it_changes() -> None:
    account = people.account()
    version = "SELECT xmin::text || ':' || ctid::text FROM campaigns_pacer"
    written = []
    for trouble in ("", "HTTP 500", "HTTP 500", "HTTP 302", "", ""):
        unanswered.note(account.pk, trouble)
        with connection.cursor() as cursor:
            cursor.execute(version)
            written.append(cursor.fetchone())
    changes = [before != after for before, after in pairwise(written)]
    assert changes == [True, False, True, True, False]


def test_the_carriers_words_show_no_number_and_fit() -> None:
    said = unanswered.words(Unexpected("No call to 09980000001\nnow. " + "x" * 900, http_status=503))
    assert said.startswith("HTTP 503 (No call to ••01 now. xxx")
    assert len(said) < 300


@pytest.mark.parametrize(
    ("minutes", "check_in", "lasts"), [(3, 5, True), (1, 5, False), (3, None, False), (3, 99, False)]
)
def test_it_lasts_after_two_minutes_if_there_is_a_call_to_ask_about(
    minutes: int, check_in: int | None, lasts: bool
) -> None:
    now = timezone.now()
    check_at = None if check_in is None else now + timedelta(minutes=check_in)
    campaign = last_calls("http://127.0.0.1:9", check_at=check_at)
    Pacer.objects.update(unanswered="HTTP 500", unanswered_since=now - timedelta(minutes=minutes))
    assert unanswered.lasts(people.pacer(campaign.account), now) == lasts
