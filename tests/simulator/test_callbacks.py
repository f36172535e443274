"""Status callbacks: their bodies, their retries and what numbers do to them."""

import itertools
import json
import re
from urllib.parse import parse_qs

import pytest

from dialer.simulator.callbacks import Delivery, encode
from dialer.simulator.options import Options
from tests.simulator.clock import START, Clock

MINIMAL = {"StatusCallbackEvents[0]": "", "StatusCallbackEvents[1]": ""}


def ended(form: dict[str, str] | None = None, *, number: str = "+919000022001", callbacks: str = "asked") -> Clock:
    clock = Clock(Options(callbacks=callbacks))
    clock.connect(number, **{"TimeLimit": "32", "CustomField": "mark"} | (form or {}))
    clock.run(100)
    return clock


def body(clock: Clock, event: str = "terminal") -> tuple[str, str]:
    call = next(iter(clock.exchange.calls.values()))
    posting = clock.exchange.posting(Delivery(call.sid, event), START)
    assert posting.headers["User-Agent"] == "Exotel Servers"
    return posting.headers["Content-Type"], posting.body.decode()


def test_multipart_is_byte_for_byte_as_captured() -> None:
    fields: dict[str, object] = {
        "CallSid": "4c18",
        "Status": "completed",
        "DateUpdated": "2025-01-15 18:14:07",
    }
    boundary = "form-data-boundary-lebu8d9e3h8xzvhf"
    content_type, raw = encode(fields, "multipart/form-data", boundary)
    assert content_type == f"multipart/form-data; boundary={boundary}"
    assert raw.decode() == (
        f'--{boundary}\r\nContent-Disposition: form-data; name="CallSid"\r\n\r\n4c18\r\n'
        f'--{boundary}\r\nContent-Disposition: form-data; name="Status"\r\n\r\ncompleted\r\n'
        f'--{boundary}\r\nContent-Disposition: form-data; name="DateUpdated"\r\n\r\n2025-01-15 18:14:07\r\n'
        f"--{boundary}--\r\n"
    )


def test_without_events_only_the_end_is_told_with_three_fields() -> None:
    clock = ended(MINIMAL)
    assert clock.told() == ["terminal"]
    content_type, text = body(clock)
    assert re.fullmatch(r"multipart/form-data; boundary=form-data-boundary-[a-z0-9]{16}", content_type)
    assert re.findall(r'name="([^"]+)"', text) == ["CallSid", "Status", "DateUpdated"]


def test_a_recorded_call_names_its_recording() -> None:
    _, text = body(ended(MINIMAL | {"Record": "true"}))
    assert re.findall(r'name="([^"]+)"', text)[-1] == "RecordingUrl"


def test_the_json_body_has_whole_numbers_and_legs() -> None:
    clock = ended({"StatusCallbackContentType": "application/json"})
    content_type, text = body(clock)
    assert content_type == "application/json"
    fields = json.loads(text)
    assert fields["EventType"] == "terminal"
    assert fields["ConversationDuration"] == 32
    assert fields["CustomField"] == "mark"
    assert fields["Legs"][0] == {"OnCallDuration": 32, "Status": "completed", "AnsweredBy": "NA"}
    assert fields["From"] == "09000022001"


def test_legs_are_flattened_in_forms() -> None:
    content_type, text = body(ended(callbacks="urlencoded"))
    assert content_type == "application/x-www-form-urlencoded"
    assert parse_qs(text)["Legs[0][Status]"] == ["completed"]


def test_answered_comes_without_the_custom_field() -> None:
    clock = ended({"StatusCallbackContentType": "application/json"})
    assert clock.told() == ["answered", "terminal"]
    fields = json.loads(body(clock, "answered")[1])
    assert "CustomField" not in fields
    assert fields["Status"] == "in-progress"
    assert [leg["Status"] for leg in fields["Legs"]] == ["in-progress", ""]


def test_ringing_is_told_if_asked() -> None:
    assert ended({"StatusCallbackEvents[2]": "ringing"}).told() == ["ringing", "answered", "terminal"]


def test_the_minimal_switch_ignores_the_events() -> None:
    clock = ended(callbacks="minimal")
    assert clock.told() == ["terminal"]
    assert "EventType" not in body(clock)[1]


@pytest.mark.parametrize("status", [500, 302, 404, None])
def test_a_failed_delivery_is_tried_again_after_five_and_fifteen_minutes(status: int | None) -> None:
    clock = Clock(callback_status=status)
    clock.connect("+919000010001")
    clock.run(3000)
    times = [at for at, _ in clock.delivered]
    assert [delivery.attempt for _, delivery in clock.delivered] == [1, 2, 3]
    assert [round(later - at) for at, later in itertools.pairwise(times)] == [300, 900]


def test_a_lost_callback_is_only_in_the_ledger() -> None:
    clock = ended(number="+919000030001")
    assert clock.told() == []
    assert [entry["lost"] for entry in clock.ledger().of("callback")] == [True, True]


def test_doubled_callbacks_come_twice() -> None:
    assert ended(number="+919000031001").told() == ["answered", "answered", "terminal", "terminal"]


def test_the_reversed_number_is_told_its_end_first() -> None:
    assert ended(number="+919000033001").told() == ["terminal", "answered"]


def test_a_late_callback_comes_a_minute_after_its_event() -> None:
    clock = ended(number="+919000034001")
    call = next(iter(clock.exchange.calls.values()))
    assert call.ended_at is not None
    assert clock.delivered[-1][0] - call.ended_at == pytest.approx(60)


def test_the_early_callback_is_due_before_the_answer() -> None:
    clock = Clock()
    call = clock.connect("+919000032001")
    clock.run(0)
    assert (call.status, clock.told()) == ("failed", ["terminal"])
    assert call.told == {"terminal"}
