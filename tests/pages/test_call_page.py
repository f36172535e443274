"""A call's page: a person's own word, the neighbours, the recording, close codes and gaps in words."""

import pytest
from django.test import Client

from campaigns import noting
from campaigns.audit import COMMAND_LINE
from campaigns.models import AuditEntry, CallAttempt, CallNote, Campaign
from campaigns.views.stream_words import barge_in_gaps, close_words
from tests.pages import world


@pytest.fixture
def call(db: None) -> CallAttempt:
    campaign = world.launched(world.account(), world.people(3))
    attempt = world.call(world.first_of(campaign), disposition="Promised to pay", disposition_kind="goal")
    world.talk(attempt)
    return attempt


def _page(client: Client, call: CallAttempt) -> str:
    return client.get(f"/calls/{call.pk}/").content.decode()


def test_a_note_stands_beside_the_bots_answer_and_is_audited(client_of_meera: Client, call: CallAttempt) -> None:
    sent = {"disposition": "wrong-person", "text": "His brother answered."}
    assert client_of_meera.post(f"/calls/{call.pk}/note", sent).status_code == 302
    page = _page(client_of_meera, call)
    assert "Wrong person, says Meera Kulkarni" in page
    assert "His brother answered." in page
    assert '<span class="tag" data-state="goal">Promised to pay</span>' in page
    call.refresh_from_db()
    assert call.disposition == "Promised to pay"
    assert AuditEntry.objects.get(action="note").details["text"] == "His brother answered."


def test_a_note_rewritten_leaves_the_first_in_the_audit(call: CallAttempt) -> None:
    noting.write(call.pk, disposition="goal", text="First", by=COMMAND_LINE)
    noting.write(call.pk, disposition="", text="Second", by=COMMAND_LINE)
    assert CallNote.objects.get().text == "Second"
    assert [entry.details["text"] for entry in AuditEntry.objects.filter(action="note").order_by("pk")] == [
        "First",
        "Second",
    ]


def test_a_note_with_an_unknown_disposition_is_refused_and_keeps_its_text(
    client_of_meera: Client, call: CallAttempt
) -> None:
    response = client_of_meera.post(f"/calls/{call.pk}/note", {"disposition": "nonsense", "text": "Typed with care"})
    assert response.status_code == 400
    assert "Typed with care" in response.content.decode()
    assert not CallNote.objects.exists()


def test_the_newer_and_the_older_call_of_the_campaign_are_one_click_away(
    client_of_meera: Client, call: CallAttempt
) -> None:
    campaign = Campaign.objects.get()
    people = list(campaign.contacts.order_by("pk"))
    middle, last = world.call(people[1], intent_at=call.intent_at), world.call(people[2])
    page = _page(client_of_meera, middle)
    assert f'href="/calls/{last.pk}/" aria-label="Newer call' in page
    assert f'href="/calls/{call.pk}/" aria-label="Older call' in page
    assert "Newer call" not in _page(client_of_meera, last)
    assert "Older call" not in _page(client_of_meera, call)


def test_the_link_to_copy_is_the_whole_address(client_of_meera: Client, call: CallAttempt) -> None:
    assert f'data-copy="http://testserver/calls/{call.pk}/"' in _page(client_of_meera, call)


def test_the_close_code_the_first_audio_and_the_variables_are_said(client_of_meera: Client, call: CallAttempt) -> None:
    stream = call.streams.get()
    stream.entries.create(at=0.1, kind="first_audio", data={"milliseconds": 128})
    stream.custom_parameters = {"loan": "<b>7</b>"}
    stream.save()
    page = _page(client_of_meera, call)
    assert "1000: ended as it should" in page
    assert "128 ms after the start" in page
    assert "&lt;b&gt;7&lt;/b&gt;" in page
    assert "<dt><bdi>due</bdi></dt><dd><bdi>4350</bdi></dd>" in page


def test_the_recording_has_its_place_on_the_page(client_of_meera: Client, call: CallAttempt) -> None:
    assert 'id="recording"' in _page(client_of_meera, call)


@pytest.mark.parametrize(
    ("code", "words"),
    [
        (1000, "1000: ended as it should"),
        (1006, "1006: broken off without a goodbye: network, TLS, or a process that died"),
        (4011, "4011: a fault on the side that closed"),
        (4403, "4403: it named another call"),
        (3999, "3999: a code without a meaning of its own"),
        (None, ""),
    ],
)
def test_a_close_code_is_said_in_words(code: int | None, words: str) -> None:
    assert close_words(code) == words


def test_the_gap_runs_from_the_key_to_the_silence(call: CallAttempt) -> None:
    stream = call.streams.create(opened_at=call.intent_at)
    stream.entries.create(at=1.0, kind="speech_start")
    stream.entries.create(at=1.084, kind="barge_in")
    assert barge_in_gaps(list(stream.entries.order_by("at"))) == [84]


def test_the_conversation_is_told_in_the_order_of_the_talk(client_of_meera: Client, call: CallAttempt) -> None:
    stream = call.streams.get()
    stream.entries.create(at=91.0, kind="prompt", text="The last words.")
    stream.entries.create(at=90.0, kind="prompt", text="The words before them.")  # written down after them
    conversation = _page(client_of_meera, call).partition("What happened")[0]
    assert conversation.index("The words before them.") < conversation.index("The last words.")
