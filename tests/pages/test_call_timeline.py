"""What happened in a call, counted as people count; its conversation as text; where nobody makes a sound."""

from datetime import timedelta

import pytest
from django.test import Client

from campaigns.models import CallAttempt
from campaigns.views.call_timeline import timeline
from campaigns.views.player import silences
from tests.pages import world


@pytest.fixture
def call(db: None) -> CallAttempt:
    campaign = world.launched(world.account(), world.people(2))
    made = world.call(world.first_of(campaign))
    world.talk(made)
    made.answered_at = made.intent_at + timedelta(seconds=9)
    made.confirmed_at = made.intent_at + timedelta(seconds=81)
    made.save()
    made.streams.update(opened_at=made.answered_at)
    return made


def _marks(call: CallAttempt) -> dict[str, str]:
    lines = timeline(call, list(call.streams.prefetch_related("entries")), [])
    return {line.text: line.mark for line in lines}


def test_times_count_from_the_answer_and_after_the_end_from_the_end(call: CallAttempt) -> None:
    marks = _marks(call)
    assert marks["Asked Exotel to dial"] == "−0:09"
    assert marks["Ringing"] == "−0:08"
    assert marks["Picked up"] == "0:00"
    assert marks["Key"] == "0:02"
    assert marks["Confirmed by Exotel’s call details"] == "+0:41"


def test_without_an_answer_times_count_from_the_request(call: CallAttempt) -> None:
    call.streams.all().delete()
    call.answered_at = None
    marks = _marks(call)
    assert (marks["Asked Exotel to dial"], marks["Ringing"]) == ("0:00", "0:01")


def test_the_bots_sentences_stand_in_the_conversation_only(call: CallAttempt) -> None:
    assert "Bot speaks" not in _marks(call)


def test_the_timeline_says_how_long_exotel_took_and_the_phone_rang(client_of_meera: Client, call: CallAttempt) -> None:
    page = client_of_meera.get(f"/calls/{call.pk}/").content.decode()
    assert "try 1, answered in 1.0 s" in page
    assert '<span class="sub">8 s</span>' in page


def test_the_conversation_is_kept_as_text(client_of_meera: Client, call: CallAttempt) -> None:
    answer = client_of_meera.get(f"/calls/{call.pk}/conversation.txt")
    assert answer["Content-Type"] == "text/plain; charset=utf-8"
    assert f'filename="call-{call.pk}.txt"' in answer["Content-Disposition"]
    lines = answer.content.decode().splitlines()
    assert lines[0].startswith("Kavita 0, ")
    assert lines[2:4] == ["   0:00  Bot: Hello Kavita.", "   0:01  cut by key"] or "Hello Kavita." in lines[2]
    assert any(line.endswith("Caller: Pressed 1") for line in lines)


@pytest.mark.parametrize(
    ("peaks", "found"),
    [
        ([[90, 1, 2, 0, 90, 0, 90, 90]], [(1.0, 4.0)]),
        ([[90, 1, 2, 0, 90, 0, 90, 90], [0, 0, 80, 0, 0, 0, 0, 0]], []),
        ([[0] * 8, [1] * 8], [(0.0, 8.0)]),
        ([], []),
    ],
)
def test_a_silence_is_where_no_channel_is_heard_for_a_while(
    peaks: list[list[int]], found: list[tuple[float, float]]
) -> None:
    assert silences(peaks, 8.0) == found
