"""The player on a call's page, and the list of missing recordings."""

from datetime import timedelta
from typing import Any

import pytest
from django.template.loader import render_to_string
from django.test import Client, RequestFactory, override_settings
from django.utils import timezone

from campaigns.models import CallAttempt, Recording, Stream, User
from campaigns.views.player import Player, bars, marks, player
from tests.pages.counting import statements
from tests.pages.test_every_page import Policy
from tests.recordings import world

pytestmark = pytest.mark.django_db


@pytest.fixture
def call() -> CallAttempt:
    return world.call(world.account("http://127.0.0.1:9"), mode="bot")


@pytest.fixture
def meera(tmp_path: Any, client: Client) -> Any:
    client.force_login(User.objects.create_user("meera"))
    with override_settings(STATIC_ROOT=tmp_path):
        yield client


def recorded(call: CallAttempt, status: str = "stored", **fields: Any) -> Recording:
    given: dict[str, Any] = {
        "peaks": [[10, 80], [5, 40]],
        "channels": 2,
        "seconds": 84.0,
        "size": 344_064,
        "content_type": "audio/mpeg",
        "give_up_at": timezone.now(),
    }
    return Recording.objects.create(attempt=call, status=status, **given | fields)


def page_of(shown: Player) -> str:
    html = render_to_string("recordings/_player.html", {"player": shown}, RequestFactory().get("/"))
    return " ".join(html.split())


def talk(call: CallAttempt) -> list[Stream]:
    stream = call.streams.create(opened_at=call.intent_at)
    for at, kind, text in ((17.4, "barge_in", "cut by speech"), (61.2, "key", "1"), (62.0, "disposition", "Promised")):
        stream.entries.create(at=at, kind=kind, text=text, data={"kind": "goal"} if kind == "disposition" else {})
    stream.entries.create(at=3.0, kind="prompt", text="Hello")
    stream.entries.create(at=200.0, kind="key", text="9")
    return list(call.streams.prefetch_related("entries"))


def test_the_player_plays_without_javascript_and_draws_a_lane_for_each_side(call: CallAttempt) -> None:
    recorded(call)
    html = page_of(player(call, talk(call)))
    assert f'<audio controls preload="metadata" src="/calls/{call.pk}/recording"' in html
    assert f'href="/calls/{call.pk}/recording/download"' in html
    assert html.index("Bot</span>") < html.index("Caller</span>")
    assert html.count('class="later"') == 2
    assert "player.js" in html
    assert "336.0" in html  # KB


def test_the_page_keeps_to_the_policy(call: CallAttempt) -> None:
    recorded(call)
    policy = Policy()
    policy.feed(page_of(player(call, talk(call))))
    assert policy.found == []


def test_what_the_person_did_is_marked_where_it_lies_in_the_recording(call: CallAttempt) -> None:
    recorded(call)
    found = player(call, talk(call)).markers
    assert [(round(one.at, 1), one.state, one.text) for one in found] == [
        (17.4, "warn", "Spoke over the bot"),
        (61.2, "info", "Key 1"),
        (62.0, "goal", "Promised"),
    ]
    assert found[0].x == "20.71%"


def test_a_hostile_name_is_no_markup(call: CallAttempt) -> None:
    recorded(call)
    stream = call.streams.create(opened_at=call.intent_at)
    stream.entries.create(at=1, kind="disposition", text="<script>alert(1)</script>", data={"kind": '"><script>'})
    html = page_of(player(call, call.streams.prefetch_related("entries")))
    assert "<script>alert" not in html
    assert '"><script>' not in html


@pytest.mark.parametrize(
    ("status", "fields", "words"),
    [
        ("waiting", {"tries": 0}, "is about to be fetched"),
        ("waiting", {"tries": 2, "last_error": "the recording is not ready yet (404)"}, "Next try at"),
        ("fetching", {"tries": 1}, "is being fetched"),
        ("missing", {"tries": 9, "reason": "not ready"}, "The recording is missing: not ready."),
        ("refused", {"tries": 1, "reason": "a page came"}, "The recording was refused: a page came."),
    ],
)
def test_a_recording_that_is_not_here_says_why_and_what_is_next(
    call: CallAttempt, status: str, fields: dict[str, Any], words: str
) -> None:
    recorded(call, status, **fields)
    html = page_of(player(call))
    assert words in html
    assert "<audio" not in html


def test_a_call_that_was_not_recorded_says_so(call: CallAttempt) -> None:
    assert "There is no recording of this call." in page_of(player(call))


def test_a_recording_without_a_waveform_still_plays(call: CallAttempt) -> None:
    recorded(call, peaks=[], seconds=None)
    html = page_of(player(call, talk(call)))
    assert "<audio controls" in html
    assert "could not be drawn" in html


def test_one_channel_is_one_lane(call: CallAttempt) -> None:
    recorded(call, peaks=[[1, 2, 3]], channels=1)
    assert [lane.name for lane in player(call).lanes] == ["Call"]


@pytest.mark.parametrize("count", [1, 2, 259, 260, 261, 800])
def test_every_waveform_fills_the_lane_and_stays_in_it(count: int) -> None:
    path = bars([place % 101 for place in range(count)], 100)
    strokes = [part.split("V") for part in path.split("M")[1:]]
    assert len(strokes) == 260
    assert all(0 <= float(top.split()[1]) <= float(bottom) <= 100 for top, bottom in strokes)


@pytest.mark.parametrize("seconds", [0.4, 3, 31, 84, 600, 3600, 14_400])
def test_the_axis_has_a_few_round_times(seconds: float) -> None:
    assert 1 <= len(marks(seconds)) <= 9


# ------------------------------------------------------------------------------------------------------------- missing
def test_missing_recordings_are_listed_with_their_reason(meera: Client, call: CallAttempt) -> None:
    recorded(call, "missing", reason="the recording is not ready yet (404)", tries=13)
    html = meera.get("/calls/recordings-missing").content.decode()
    assert "not ready yet (404)" in html
    assert "1 recording was given up" in html
    assert f'action="/calls/{call.pk}/recording/refetch"' in html


def test_nothing_missing_says_what_would_stand_there(meera: Client, call: CallAttempt) -> None:
    recorded(call, "waiting")
    html = meera.get("/calls/recordings-missing").content.decode()
    assert "No recording is missing" in html
    assert "1 recording is still being looked for" in html


def test_the_list_takes_the_same_queries_however_long_it_is(meera: Client, call: CallAttempt) -> None:
    counts = []
    for _ in range(2):
        for _ in range(3):
            recorded(world.call(call.account), "missing", changed_at=timezone.now() - timedelta(hours=1))
        counts.append(statements(lambda: meera.get("/calls/recordings-missing")))
    assert counts[0] == counts[1]


def test_one_is_fetched_again_from_the_call_or_from_the_list(meera: Client, call: CallAttempt) -> None:
    recorded(call, "missing")
    address = f"/calls/{call.pk}/recording/refetch"
    assert meera.get(address).status_code == 405
    assert meera.post(address)["Location"] == f"/calls/{call.pk}/"
    assert Recording.objects.get().status == "waiting"
    assert meera.post(address, {"next": "missing"})["Location"] == "/calls/recordings-missing"
    assert meera.post("/calls/999999/recording/refetch").status_code == 404


def test_all_are_fetched_again_together(meera: Client, call: CallAttempt) -> None:
    recorded(call, "missing")
    recorded(world.call(call.account), "refused")
    response = meera.post("/calls/recordings-missing", follow=True)
    assert "Looking for 2 recordings again" in response.content.decode()
    assert set(Recording.objects.values_list("status", flat=True)) == {"waiting"}


def test_a_stranger_sees_and_starts_nothing(client: Client, call: CallAttempt) -> None:
    recorded(call, "missing")
    for address in ("/calls/recordings-missing", f"/calls/{call.pk}/recording/refetch"):
        assert client.post(address).status_code == 302
    assert Recording.objects.get().status == "missing"
