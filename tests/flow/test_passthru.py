"""GET /x/pt/<token>: heard in every spelling, believed only of the right call, answered whatever happens."""

import threading
import time
from collections.abc import Mapping
from datetime import timedelta

import pytest
from django.db import connection
from django.test import Client, override_settings

from campaigns import account_tokens, events, matching, pacing, passthru, settling, tokens
from campaigns.audit import COMMAND_LINE
from campaigns.exotel.answers import Accepted
from campaigns.lifecycle import AttemptState
from campaigns.models import AccountToken, CallEvent
from tests.callbacks import carrier
from tests.flow import flow

SPELLINGS: Mapping[str, Mapping[str, str]] = {
    "brackets": flow.bracketed(flow.STREAM),
    "json": flow.packed(flow.STREAM),
    "flat": flow.FLAT,
}


@pytest.mark.parametrize("spelling", SPELLINGS)
def test_what_it_tells_of_the_stream_is_kept_in_every_spelling(exotel: Client, spelling: str) -> None:
    attempt = flow.call()
    assert flow.told(exotel, attempt, SPELLINGS[spelling]).status_code == 200
    now = carrier.fresh(attempt)
    assert now.state == AttemptState.ANSWERED
    assert now.recording_url == flow.STREAM["RecordingUrl"]
    (stream,) = now.carrier_streams
    assert (stream["sid"], stream["status"], stream["seconds"]) == (flow.STREAM["StreamSID"], "completed", 31)
    assert stream["ended_by"] == "caller"


def test_a_post_of_json_is_heard_too(exotel: Client) -> None:
    attempt = flow.call()
    body = {**flow.captured(attempt), "EventType": "stream-start"}
    response = exotel.post(flow.path(attempt.account_id), body, content_type="application/json")
    assert response.status_code == 200
    (event,) = carrier.events(attempt)
    assert (event.source, event.said["before_stream"], event.content_type) == ("passthru", True, "application/json")


def test_a_throttled_stream_and_its_error_are_told_in_exotels_words(exotel: Client) -> None:
    attempt = flow.call()
    trouble = {"Status": "failed", "Error": "3009 failed to establish ws conn", "DisconnectedBy": "NA"}
    throttled = flow.STREAM | trouble | {"DetailedStatus": "Streaming_call_throttled"}
    flow.told(exotel, attempt, flow.bracketed(throttled))
    (stream,) = carrier.fresh(attempt).carrier_streams
    assert stream["detailed_status"] == "Streaming_call_throttled"
    assert (stream["status"], stream["error"], stream["ended_by"]) == ("failed", "3009 failed to establish ws conn", "")


def test_keys_of_a_menu_are_kept_without_their_quotes(exotel: Client) -> None:
    attempt = flow.call()
    flow.told(exotel, attempt, {"digits": '"8"'})
    assert carrier.fresh(attempt).flow_digits == "8"


def test_the_signed_id_is_known_as_a_key_alone_too(exotel: Client) -> None:
    attempt = flow.call(sid=None)
    fields = {"CallSid": carrier.new_sid(), flow.custom_field(attempt): ""}
    assert flow.get(exotel, flow.path(attempt.account_id), fields).status_code == 200
    assert carrier.fresh(attempt).sid == fields["CallSid"]


def test_without_a_custom_field_the_call_sid_finds_the_call(exotel: Client) -> None:
    attempt = flow.call()
    flow.told(exotel, attempt, {"CustomField": ""})
    assert carrier.fresh(attempt).state == AttemptState.ANSWERED


def test_it_may_come_before_the_answer_to_our_own_post(exotel: Client) -> None:
    attempt, sid = flow.call(AttemptState.DIALING, sid=None), carrier.new_sid()
    flow.get(exotel, flow.path(attempt.account_id), flow.captured(attempt, sid))
    now = carrier.fresh(attempt)
    assert (now.state, now.sid) == (AttemptState.ANSWERED, sid)
    settling.settle(attempt.pk, Accepted(sid, 200, "", 0.1))
    assert carrier.fresh(attempt).contradiction == ""


def test_a_call_sid_alone_waits_for_our_posts_answer(exotel: Client) -> None:
    attempt, sid = flow.call(AttemptState.DIALING, sid=None), carrier.new_sid()
    fields = flow.captured(attempt, sid) | {"CustomField": ""}
    answers, where = [], flow.path(attempt.account_id)
    asking = threading.Thread(target=lambda: answers.append(flow.get(exotel, where, fields).status_code))
    asking.start()
    until = time.monotonic() + 5
    while not flow.unmatched() and time.monotonic() < until:
        time.sleep(0.02)
    settling.settle(attempt.pk, Accepted(sid, 200, "", 0.1))
    asking.join(5)
    assert answers == [200]
    assert carrier.fresh(attempt).state == AttemptState.ANSWERED
    assert not flow.unmatched()


def test_a_call_that_becomes_known_later_gets_its_passthru_from_the_tick(exotel: Client) -> None:
    attempt, sid = flow.call(AttemptState.DIALING, sid=None), carrier.new_sid()
    fields = flow.captured(attempt, sid) | {"CustomField": "", "Direction": "incoming"}  # nobody waits
    flow.get(exotel, flow.path(attempt.account_id), fields)
    CallEvent.objects.update(note=matching.UNKNOWN_CALL)
    assert passthru.adopt_late() == 0
    settling.settle(attempt.pk, Accepted(sid, 200, "", 0.1))
    assert passthru.adopt_late() == 1
    events.apply_for(attempt.pk)
    assert carrier.fresh(attempt).state == AttemptState.ANSWERED


def test_a_double_is_counted_and_changes_nothing(exotel: Client) -> None:
    attempt = flow.call()
    first = flow.told(exotel, attempt, flow.bracketed(flow.STREAM))
    before = carrier.facts(attempt)
    second = flow.told(exotel, attempt, flow.bracketed(flow.STREAM))
    assert (first.status_code, second.status_code) == (200, 200)
    assert carrier.facts(attempt) == before
    assert [event.copies for event in carrier.events(attempt)] == [2]


def test_after_the_end_it_adds_facts_and_no_state(exotel: Client) -> None:
    attempt = flow.call()
    carrier.post(exotel, attempt.pk, carrier.minimal(str(attempt.sid)))
    flow.told(exotel, attempt, flow.bracketed(flow.STREAM))
    now = carrier.fresh(attempt)
    assert (now.state, now.outcome, now.contradiction) == (AttemptState.ENDED, "answered", "")
    assert now.carrier_streams


# ----------------------------------------------------------------------------------------------------- who is refused
def test_a_forged_token_is_404_and_leaves_no_trace(exotel: Client) -> None:
    attempt = flow.call()
    kid, subject, mac = account_tokens.text(account_tokens.current(attempt.account_id, "passthru")).split(".")
    others = (
        f"{kid}.{subject}.{mac[:-1]}A" if mac[-1] != "A" else f"{kid}.{subject}.{mac[:-1]}B",
        f"{kid}.{attempt.account_id}-2.{mac}",
        tokens.mint("dynamic-stream", subject),
        tokens.mint("static-stream", subject),
        tokens.mint("callback", str(attempt.pk)),
        flow.custom_field(attempt),
    )
    before = carrier.facts(attempt)
    for token in others:
        assert flow.get(exotel, f"/x/pt/{token}", flow.captured(attempt)).status_code == 404, token
    assert carrier.facts(attempt) == before
    assert not CallEvent.objects.exists()


def test_a_token_that_was_never_made_is_as_good_as_a_retired_one(exotel: Client) -> None:
    attempt = flow.call()
    token = tokens.mint("passthru", f"{attempt.account_id}-7")
    assert flow.get(exotel, f"/x/pt/{token}", flow.captured(attempt)).status_code == 200
    assert not CallEvent.objects.exists()


def test_a_rotated_token_is_good_during_its_grace_and_changes_nothing_after(exotel: Client) -> None:
    attempt, later = flow.call(), flow.call()
    old = flow.path(attempt.account_id)
    account_tokens.rotate(attempt.account_id, "passthru", by=COMMAND_LINE)
    flow.get(exotel, old, flow.captured(attempt))
    assert carrier.events(attempt)

    old = flow.path(later.account_id)
    before = carrier.facts(later)
    account_tokens.rotate(later.account_id, "passthru", by=COMMAND_LINE, grace=timedelta(0))
    assert flow.get(exotel, old, flow.captured(later)).status_code == 200
    assert carrier.facts(later) == before
    assert not carrier.events(later)
    assert AccountToken.objects.get(account=later.account, version=1).used_at, "the page can say that it is still used"


def test_another_accounts_token_changes_nothing(exotel: Client) -> None:
    attempt, other = flow.call(), flow.call()
    before = carrier.facts(attempt)
    assert flow.get(exotel, flow.path(other.account_id), flow.captured(attempt)).status_code == 200
    assert carrier.facts(attempt) == before
    (event,) = flow.unmatched()
    assert (event.account_id, event.note) == (other.account_id, matching.OTHER_ACCOUNT)


def test_a_custom_field_and_a_call_sid_of_different_calls_belong_to_nobody(exotel: Client) -> None:
    account = flow.call().account
    one, two = (carrier.placed() for _ in range(2))
    for attempt in (one, two):
        attempt.account = account
        attempt.save()
    before = carrier.facts(one), carrier.facts(two)
    fields = flow.captured(one) | {"CallSid": str(two.sid)}
    assert flow.get(exotel, flow.path(account.pk), fields).status_code == 200
    assert (carrier.facts(one), carrier.facts(two)) == before
    assert [event.note for event in flow.unmatched()] == [matching.CROSSED]


def test_a_forged_custom_field_finds_nobody(exotel: Client) -> None:
    attempt = flow.call()
    kid, _, mac = flow.custom_field(attempt).split(".")
    other = f"{kid}.{attempt.campaign_id}-{attempt.pk + 1}.{mac}"
    before = carrier.facts(attempt)
    fields = flow.captured(attempt) | {"CustomField": other, "CallSid": "", "Direction": "incoming"}
    assert flow.get(exotel, flow.path(attempt.account_id), fields).status_code == 200
    assert carrier.facts(attempt) == before
    assert [event.note for event in flow.unmatched()] == [matching.NO_CALL]


def test_a_stranger_who_called_in_is_kept_unmatched_and_answered_at_once(exotel: Client) -> None:
    account = flow.call().account
    began = time.monotonic()
    fields = {"CallSid": carrier.new_sid(), "Direction": "incoming", "From": "09812345678"}
    assert flow.get(exotel, flow.path(account.pk), fields).status_code == 200
    assert time.monotonic() - began < 1
    (event,) = flow.unmatched()
    assert (event.account_id, event.call_sid, event.note) == (account.pk, fields["CallSid"], matching.UNKNOWN_CALL)


def test_what_nobody_can_read_is_kept_and_answered(exotel: Client) -> None:
    account = flow.call().account
    where = flow.path(account.pk)
    assert exotel.get(where).status_code == 200
    assert exotel.post(where, b"\xff\x00{", content_type="application/json").status_code == 200
    assert exotel.post(where, b"a=" + b"x" * 70_000, content_type="text/plain").status_code == 200
    assert all(event.note.startswith("unreadable") for event in flow.unmatched())
    assert len(flow.unmatched()) == 3


def test_other_methods_are_not_for_it(exotel: Client) -> None:
    assert exotel.put(flow.path(flow.call().account_id)).status_code == 405


def test_a_slash_is_no_redirect(exotel: Client) -> None:
    attempt = flow.call()
    assert flow.get(exotel, f"{flow.path(attempt.account_id)}/", flow.captured(attempt)).status_code == 200
    assert carrier.events(attempt)


# ------------------------------------------------------------------------------------------------------------ in time
def test_a_database_that_is_gone_still_lets_the_flow_go_on(exotel: Client, monkeypatch: pytest.MonkeyPatch) -> None:
    attempt = flow.call(passthru_branch="nothing")
    where, fields = flow.path(attempt.account_id), flow.captured(attempt)
    monkeypatch.setitem(connection.settings_dict, "PORT", 9)  # nobody listens; only new connections feel it
    began = time.monotonic()
    assert flow.get(exotel, where, fields).status_code == 200
    assert time.monotonic() - began < 1
    monkeypatch.undo()
    assert not carrier.events(attempt)


def test_a_database_that_hangs_is_not_waited_for_and_gets_it_later(exotel: Client) -> None:
    attempt = flow.call(passthru_branch="nothing")
    where, fields = flow.path(attempt.account_id), flow.captured(attempt)
    began = time.monotonic()
    from django.db import transaction

    with transaction.atomic():
        with connection.cursor() as cursor:
            cursor.execute("LOCK TABLE campaigns_callevent")
        assert flow.get(exotel, where, fields).status_code == 200
        assert time.monotonic() - began < 1
    until = time.monotonic() + 5
    while not carrier.fresh(attempt).answered_at and time.monotonic() < until:
        time.sleep(0.02)
    assert [event.source for event in carrier.events(attempt)] == ["passthru"]
    assert carrier.fresh(attempt).state == AttemptState.ANSWERED


def test_more_requests_than_there_is_room_for_go_on_unheard(exotel: Client, monkeypatch: pytest.MonkeyPatch) -> None:
    attempt = flow.call(passthru_branch="nothing")
    monkeypatch.setattr(passthru, "_room", threading.BoundedSemaphore(1))
    assert passthru._room.acquire()
    assert flow.told(exotel, attempt).status_code == 200
    assert not carrier.events(attempt)


@override_settings(DATA_UPLOAD_MAX_MEMORY_SIZE=10)
def test_a_body_is_read_by_ourselves_whatever_django_takes_for_large(exotel: Client) -> None:
    attempt = flow.call()
    response = exotel.post(flow.path(attempt.account_id), flow.captured(attempt), content_type="application/json")
    assert response.status_code == 200
    assert carrier.fresh(attempt).slot_released_at is None
    assert pacing.slots_used(attempt.account_id) == {attempt.campaign_id: 1}
