"""Writing a campaign step by step: what is asked for, what is refused in words, what is kept."""

import io
import wave
from datetime import datetime, time
from decimal import Decimal
from zoneinfo import ZoneInfo

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.http import HttpResponse
from django.test import Client

from campaigns import bots
from campaigns.forms.fields import simple
from campaigns.models import Campaign, ContactList
from tests.pages import world

WHO = ("name", "lists", "purpose")
WHAT = ("mode", "bot", "flow", "passthru", "stream", "record", "sample", "option", "remove")  # how their fields begin


def write(client: Client, sent: dict[str, object], pk: int | None = None) -> HttpResponse:
    """What a browser sends, page by page, to the review or to the first page that refuses; its answer."""
    first = f"/campaigns/{pk}/edit" if pk else "/campaigns/new"
    answer = client.post(first, {name: value for name, value in sent.items() if name in WHO})
    what = {name: value for name, value in sent.items() if name.startswith(WHAT)}
    when = {name: value for name, value in sent.items() if name not in WHO and name not in what}
    for page in (what, when):
        if answer.status_code != 302:
            break
        answer = client.post(answer["Location"], page)
    return answer  # type: ignore[return-value]


def form(lists: list[int], **changes: object) -> dict[str, object]:
    """What the pages of a good echo campaign send, together."""
    given: dict[str, object] = {
        "name": "November EMI reminder",
        "lists": lists,
        "purpose": "service",
        "mode": "bot",
        "bot": "echo",
        "option-echo-max_seconds": "45",
        "caller_id": "020 0000 4410",
        "calls_per_second": "0.5",
        "max_concurrent": "5",
        "weight": "2",
        "ends_at": "2099-12-01T18:00",
        "window_start": "09:00",
        "window_end": "21:00",
        "time_zone": "Asia/Kolkata",
        "ring_timeout": "40",
        "time_limit": "120",
        "max_attempts": "3",
        "unknown_policy": "ask",
        "recording_channels": "single",
        "sample_rate": "8000",
        "stream_name": "",
    }
    for outcome in ("busy", "no-answer", "failed"):
        given |= {f"retry_{outcome}_times": "0", f"retry_{outcome}_minutes": "30"}
    return given | changes


def wav(seconds: float = 0.1) -> SimpleUploadedFile:
    buffer = io.BytesIO()
    with wave.open(buffer, "wb") as sound:
        sound.setnchannels(1)
        sound.setsampwidth(2)
        sound.setframerate(8000)
        sound.writeframes(b"\0\0" * int(8000 * seconds))
    return SimpleUploadedFile("greeting.wav", buffer.getvalue(), "audio/wav")


@pytest.fixture
def lists(db: None) -> list[int]:
    world.account()
    return [world.people(3).pk]


def test_three_good_pages_make_a_draft_and_lead_to_its_review(client_of_meera: Client, lists: list[int]) -> None:
    sent = form(lists, retry_busy_times="2", retry_busy_minutes="15")
    response = write(client_of_meera, sent)
    campaign = Campaign.objects.get()
    assert response["Location"] == f"/campaigns/{campaign.pk}/"
    assert (campaign.status, campaign.bot, campaign.bot_options) == ("draft", "echo", {"max_seconds": "45"})
    assert (campaign.window_start, campaign.window_end) == (time(9), time(21))
    assert campaign.calls_per_second == Decimal("0.5")
    assert [(rule.outcome, rule.times) for rule in campaign.retry_rules.all()] == [("busy", 2)]
    assert str(campaign.created_by) == "Meera Kulkarni"


@pytest.mark.parametrize(
    ("field", "value", "words"),
    [
        ("name", "", "Give the campaign a name."),
        ("caller_id", "", "Enter the ExoPhone that people shall see."),
        ("calls_per_second", "fast", "Enter a number of calls above 0 and at most 100."),
        ("calls_per_second", "0", "Enter a number of calls above 0 and at most 100."),
        ("max_concurrent", "0", "Enter a whole number of calls from 1 to 10000."),
        ("window_start", "nine", "Enter a time, 09:00."),
        ("time_zone", "Asia/Poona", "is no time zone. Write it as in Asia/Kolkata"),
        ("time_limit", "5000", "may last 3600 seconds. Enter that or less."),
        ("bot", "", "Choose a bot."),
        ("option-echo-max_seconds", "long", "Enter a whole number."),
        ("retry_busy_times", "-1", "Enter a whole number of times from 0 to 20."),
    ],
)
def test_a_wrong_field_names_its_mend_and_loses_nothing(
    client_of_meera: Client, lists: list[int], field: str, value: str, words: str
) -> None:
    response = write(client_of_meera, form(lists, **{"name": "Typed with care", field: value}))
    page = response.content.decode()
    assert response.status_code == 400
    assert words in page
    assert 'aria-invalid="true"' in page or field in ("bot",)
    assert not value or f'value="{value}"' in page
    assert list(Campaign.objects.values_list("name", flat=True)) == ([] if field == "name" else ["Typed with care"])


def test_without_a_list_it_says_to_choose_one(client_of_meera: Client, lists: list[int]) -> None:
    response = write(client_of_meera, form([]))
    assert "Choose at least one list." in response.content.decode()


def test_hours_wider_than_the_law_are_refused_for_a_real_account(client_of_meera: Client, db: None) -> None:
    world.account(kind="exotel", api_url="https://api.in.exotel.com/", name="Exotel")
    sent = form([world.people().pk], purpose="recovery")
    page = write(client_of_meera, sent).content.decode()
    assert "For loan recovery calls the widest hours are 08:00–19:00. Set both times inside them." in page


def test_a_flow_needs_its_address_and_no_bot(client_of_meera: Client, lists: list[int]) -> None:
    sent = form(lists, mode="flow", bot="", **{"option-echo-max_seconds": "nonsense"})
    page = write(client_of_meera, sent).content.decode()
    assert "Enter the address of the flow" in page
    sent["flow_url"] = "http://my.exotel.com/demo1/exoml/start_voice/1"
    assert write(client_of_meera, sent).status_code == 302
    campaign = Campaign.objects.latest("pk")
    assert (campaign.mode, campaign.bot, campaign.passthru_branch) == ("flow", "", "never")


def test_a_flow_may_stream_to_a_bot_whose_result_chooses_the_branch(client_of_meera: Client, lists: list[int]) -> None:
    flow = {"mode": "flow", "flow_url": "http://my.exotel.com/demo1/exoml/start_voice/1", "passthru_ends_call": "on"}
    sent = form(lists, **flow, passthru_branch="result", stream_parameters="due, name")
    page = write(client_of_meera, sent).content.decode()
    assert "Enter the bot’s result that leads to branch B." in page
    assert write(client_of_meera, sent | {"passthru_result": "Promised"}).status_code == 302
    campaign = Campaign.objects.latest("pk")
    assert (campaign.bot, campaign.passthru_branch, campaign.passthru_result) == ("echo", "result", "Promised")
    assert (campaign.passthru_ends_call, campaign.stream_parameters) == (True, ["due", "name"])
    edit = client_of_meera.get(f"/campaigns/{campaign.pk}/edit/what").content.decode()
    assert 'value="due, name"' in edit


def test_a_branch_without_a_bot_is_refused_in_words(client_of_meera: Client, lists: list[int]) -> None:
    flow = {"mode": "flow", "flow_url": "http://my.exotel.com/demo1/exoml/start_voice/1", "bot": ""}
    page = write(client_of_meera, form(lists, **flow, passthru_branch="goal")).content.decode()
    assert "Without a bot no result chooses the branch." in page


def test_what_only_a_flow_has_is_forgotten_when_the_bot_is_called_straight(
    client_of_meera: Client, lists: list[int]
) -> None:
    write(client_of_meera, form(lists, passthru_branch="goal", flow_url="http://my.exotel.com/x"))
    campaign = Campaign.objects.get()
    assert (campaign.mode, campaign.flow_url, campaign.passthru_branch) == ("bot", "", "never")


def test_each_page_is_kept_as_a_draft_that_can_be_left_and_found_again(
    client_of_meera: Client, lists: list[int]
) -> None:
    left = {"name": "Begun today", "lists": lists, "purpose": "recovery", "then": "leave"}
    assert client_of_meera.post("/campaigns/new", left)["Location"] == "/campaigns/"
    campaign = Campaign.objects.get()
    assert (campaign.status, campaign.name, campaign.purpose) == ("draft", "Begun today", "recovery")
    assert "Begun today" in client_of_meera.get("/campaigns/").content.decode()
    page = client_of_meera.get(f"/campaigns/{campaign.pk}/edit").content.decode()
    assert 'value="Begun today"' in page
    assert '<span aria-current="step">Who is called</span>' in page


def test_going_back_keeps_the_page_it_came_from(client_of_meera: Client, lists: list[int]) -> None:
    write(client_of_meera, form(lists))
    pk = Campaign.objects.get().pk
    sent = {name: value for name, value in form(lists, max_concurrent="7").items() if name not in WHO}
    back = client_of_meera.post(f"/campaigns/{pk}/edit/when", sent | {"then": "back"})
    assert back["Location"] == f"/campaigns/{pk}/edit/what"
    assert Campaign.objects.get().max_concurrent == 7
    assert Campaign.objects.get().bot_options == {"max_seconds": "45"}


def test_the_steps_lead_from_page_to_page_and_back_from_the_review(client_of_meera: Client, lists: list[int]) -> None:
    page = client_of_meera.get("/campaigns/new").content.decode()
    assert '<span aria-current="step">Who is called</span>' in page
    assert 'href="/campaigns/' not in page.split('aria-label="Steps"')[1].split("</ol>")[0]
    write(client_of_meera, form(lists))
    pk = Campaign.objects.get().pk
    review = client_of_meera.get(f"/campaigns/{pk}/").content.decode()
    assert all(f'href="/campaigns/{pk}/edit{step}"' in review for step in ("", "/what", "/when"))
    assert '<span aria-current="step">Review</span>' in review
    assert client_of_meera.get(f"/campaigns/{pk}/edit/review").status_code == 404


def test_a_purpose_with_narrower_hours_narrows_them_and_says_so(client_of_meera: Client, db: None) -> None:
    world.account(kind="exotel", api_url="https://api.in.exotel.com/", name="Exotel")
    sent = form([world.people().pk])
    write(client_of_meera, sent)
    campaign = Campaign.objects.get()
    who = {name: sent[name] for name in WHO} | {"purpose": "recovery"}
    page = client_of_meera.post(f"/campaigns/{campaign.pk}/edit", who, follow=True).content.decode()
    assert "Calling hours are 09:00–19:00 now" in page
    campaign.refresh_from_db()
    assert (campaign.window_start, campaign.window_end) == (time(9), time(19))


def test_a_bot_that_never_speaks_is_refused_outside_a_flow(client_of_meera: Client, lists: list[int]) -> None:
    page = write(client_of_meera, form(lists, bot="listener")).content.decode()
    assert "says nothing: it is for the Stream applet of a flow." in page


def test_rules_that_call_again_need_a_second_call_to_be_allowed(client_of_meera: Client, lists: list[int]) -> None:
    page = write(client_of_meera, form(lists, max_attempts="1", retry_busy_times="1")).content.decode()
    assert "allow at least 2 calls to one person." in page


def test_an_uploaded_recording_is_kept_and_survives_an_edit_without_it(
    client_of_meera: Client, lists: list[int]
) -> None:
    sent = form(lists, bot="announcer", **{"option-announcer-keys": "", "option-announcer-message": ""})
    sent |= {f"option-announcer-{one.name}": one.default for one in bots.spec("announcer").options if one.choices}
    write(client_of_meera, sent | {"option-announcer-recording": wav()})
    campaign = Campaign.objects.get()
    assert campaign.audio.get().file_name == "greeting.wav"
    edit = f"/campaigns/{campaign.pk}/edit/what"
    assert "Kept: greeting.wav" in client_of_meera.get(edit).content.decode()
    assert write(client_of_meera, sent | {"name": "Another name"}, campaign.pk).status_code == 302
    campaign.refresh_from_db()
    assert (campaign.name, campaign.bot_options["recording"]) == ("Another name", "greeting.wav")
    assert campaign.audio.count() == 1


def test_a_file_that_is_no_recording_is_refused_in_words(client_of_meera: Client, lists: list[int]) -> None:
    fake = SimpleUploadedFile("song.wav", b"ID3 this is an MP3", "audio/wav")
    sent = form(lists, bot="announcer", **{"option-announcer-recording": fake})
    page = write(client_of_meera, sent).content.decode()
    assert "song.wav cannot be played. This is not a WAV file." in page
    assert "Only files must be chosen again: song.wav." in page


def test_a_recording_that_the_bot_would_not_play_is_refused_in_words(client_of_meera: Client, lists: list[int]) -> None:
    sent = form(lists, bot="announcer", **{"option-announcer-recording": wav(301)})
    page = write(client_of_meera, sent).content.decode()
    assert "The recording lasts 301 seconds; at most 300 can be played." in page
    assert not Campaign.objects.get().audio.exists()


def test_what_a_draft_holds_stands_in_the_form(client_of_meera: Client, lists: list[int]) -> None:
    write(client_of_meera, form(lists, caller_id="02000009999"))
    edit = f"/campaigns/{Campaign.objects.get().pk}/edit"
    page = client_of_meera.get(f"{edit}/when").content.decode()
    assert 'value="02000009999"' in page
    assert 'value="0.5"' in page
    assert 'value="45"' in client_of_meera.get(f"{edit}/what").content.decode()


def test_a_launched_campaign_is_not_rewritten(client_of_meera: Client, db: None) -> None:
    campaign = world.launched(world.account(), world.people())
    response = client_of_meera.post(f"/campaigns/{campaign.pk}/edit", form([]), follow=True)
    assert "only a draft can be rewritten. Duplicate it instead." in response.content.decode()


def test_a_new_campaign_starts_with_the_pace_and_the_slots_of_its_account(client_of_meera: Client, db: None) -> None:
    world.account(calls_per_minute=800, max_concurrent=30)
    lists = [world.people().pk]
    client_of_meera.post("/campaigns/new", {"name": "Fast", "lists": lists, "purpose": "service"})
    page = client_of_meera.get(f"/campaigns/{Campaign.objects.get().pk}/edit/when").content.decode()
    assert 'name="calls_per_second" value="12"' in page
    assert 'name="max_concurrent" value="30"' in page


@pytest.mark.parametrize(("number", "shown"), [("10.000", "10"), ("0.500", "0.5"), ("1", "1"), ("60", "60")])
def test_a_number_in_a_field_has_no_exponent(number: str, shown: str) -> None:
    assert str(simple(Decimal(number))) == shown


def test_an_uploaded_recording_can_be_removed_from_a_draft(client_of_meera: Client, lists: list[int]) -> None:
    sent = form(lists, bot="announcer", **{"option-announcer-keys": "", "option-announcer-message": "Hello"})
    sent |= {f"option-announcer-{one.name}": one.default for one in bots.spec("announcer").options if one.choices}
    write(client_of_meera, sent | {"option-announcer-recording": wav()})
    campaign = Campaign.objects.get()
    edit = f"/campaigns/{campaign.pk}/edit/what"
    assert "Remove greeting.wav" in client_of_meera.get(edit).content.decode()
    assert write(client_of_meera, sent | {"remove-announcer-recording": "on"}, campaign.pk).status_code == 302
    campaign.refresh_from_db()
    assert not campaign.audio.exists()
    assert campaign.bot_options["recording"] == ""


def test_the_second_page_names_the_columns_that_a_message_may_use(client_of_meera: Client, lists: list[int]) -> None:
    contact_list = ContactList.objects.get(pk=lists[0])
    contact_list.columns = ["amount", "city"]
    contact_list.save(update_fields=["columns"])
    client_of_meera.post("/campaigns/new", {name: value for name, value in form(lists).items() if name in WHO})
    page = client_of_meera.get(f"/campaigns/{Campaign.objects.get().pk}/edit/what").content.decode()
    assert "<code>{name}</code> <code>{amount}</code> <code>{city}</code>" in page


def test_share_and_end_are_kept_by_the_campaigns_own_clock(client_of_meera: Client, lists: list[int]) -> None:
    write(client_of_meera, form(lists, time_zone="Asia/Singapore"))
    made = Campaign.objects.get()
    assert made.weight == 2
    assert made.ends_at == datetime(2099, 12, 1, 18, tzinfo=ZoneInfo("Asia/Singapore"))
    page = client_of_meera.get(f"/campaigns/{made.pk}/edit/when").content.decode()
    assert 'name="ends_at" value="2099-12-01T18:00"' in page
    assert "nobody is called after" in client_of_meera.get(f"/campaigns/{made.pk}/").content.decode()


def test_an_end_that_has_passed_is_refused_and_none_is_allowed(client_of_meera: Client, lists: list[int]) -> None:
    refused = write(client_of_meera, form(lists, ends_at="2020-01-01T10:00"))
    assert "That moment has passed" in refused.content.decode()
    made = Campaign.objects.get()
    when = {name: value for name, value in form(lists, ends_at="").items() if name not in WHO}
    assert client_of_meera.post(f"/campaigns/{made.pk}/edit/when", when).status_code == 302
    assert Campaign.objects.get().ends_at is None
