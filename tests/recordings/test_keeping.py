"""From a call that ended answered to a stored recording, or to the reason why there is none."""

import hashlib
import os
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from django.conf import settings
from django.test import override_settings
from django.utils import timezone

from campaigns.audit import COMMAND_LINE
from campaigns.exotel.errors import RateLimited, Unreachable
from campaigns.lifecycle import AttemptState, Outcome
from campaigns.models import AuditEntry, CallAttempt, EventSource, Recording, RecordingStatus
from campaigns.recordings import keeping
from campaigns.recordings.fetching import Try, try_once
from tests import people
from tests.recordings import world
from tests.recordings.far_end import WAV, FarEnd, far_end, raw, whole

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def _a_full_look_is_due(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(keeping, "_full_look_at", 0.0)


def url(end: FarEnd, name: str = "a.wav") -> str:
    return f"{end.address}/recordings/{world.SID}/{name}"


def stored_files() -> list[Path]:
    return [path for path in Path(settings.MEDIA_ROOT).rglob("*") if path.is_file()]


def look(call: CallAttempt, exotel: world.Exotel | None = None, **limits: Any) -> Recording:
    """One round of the tick; the call's recording after it."""
    keeping.keep_all(world.outside(exotel, **limits))
    return Recording.objects.get(attempt=call)


def wait_of(recording: Recording) -> float:
    assert recording.next_try_at
    return (recording.next_try_at - recording.changed_at).total_seconds()


def test_a_ready_recording_is_stored_checked_and_measured() -> None:
    with far_end(whole(WAV)) as end:
        call = world.call(world.account(end.address), recording_url=url(end))
        recording = look(call)
    assert (recording.status, recording.tries, recording.next_try_at) == (RecordingStatus.STORED, 1, None)
    assert (recording.size, recording.content_type) == (len(WAV), "audio/wav")
    assert recording.sha256 == hashlib.sha256(WAV).hexdigest()
    assert (recording.channels, recording.seconds) == (2, 0.5)
    assert recording.peaks is not None
    assert len(recording.peaks) == 2
    assert [path.read_bytes() for path in stored_files()] == [WAV]
    assert recording.file.read() == WAV
    recording.file.close()


def test_a_stored_recording_is_never_fetched_again() -> None:
    with far_end(whole(WAV)) as end:
        call = world.call(world.account(end.address), recording_url=url(end))
        look(call)
        look(call)
        assert not keeping.refetch(call.pk, by=COMMAND_LINE)
        look(call)
    assert len(end.paths) == 1


@pytest.mark.parametrize(
    "fields",
    [
        {"outcome": Outcome.BUSY},
        {"state": AttemptState.ANSWERED, "outcome": "", "ended_at": None},
        {"record": False},
        {"ended_at": timezone.now() - timedelta(days=2)},
    ],
)
def test_only_an_answered_call_that_was_recorded_is_looked_for(fields: dict[str, Any]) -> None:
    world.call(world.account("http://127.0.0.1:9"), **fields)
    assert keeping.enrol() == 0


def test_a_flow_that_records_by_itself_is_looked_for_because_it_named_an_address() -> None:
    world.call(world.account("http://127.0.0.1:9"), record=False, recording_url="https://evil.example/a")
    assert keeping.enrol() == 1
    assert keeping.enrol() == 0


def test_a_recording_that_is_not_ready_is_tried_again_after_longer_and_longer_waits() -> None:
    exotel = world.Exotel()
    with far_end(whole(b"", 404)) as end:
        call = world.call(world.account(end.address), recording_url=url(end))
        waits = []
        for _ in range(11):
            recording = look(call, exotel)
            assert (recording.status, recording.last_error) == ("waiting", "the recording is not ready yet (404)")
            waits.append(round(wait_of(recording)))
            world.due_now(recording)
        assert waits == [30, 60, 120, 300, 600, 1200, 2400, 4800, 9600, 10800, 10800]
        assert len(exotel.asked) == 8  # from the third failure on, and not while the first address may still do
        end.serve = whole(WAV)
        assert look(call, exotel).status == "stored"
    assert len(stored_files()) == 1


def test_a_recording_that_was_never_ready_is_missing_after_a_day() -> None:
    with far_end(whole(b"", 404)) as end:
        call = world.call(world.account(end.address), recording_url=url(end))
        recording = look(call)
        world.due_now(recording, give_up_at=timezone.now() - timedelta(seconds=1))
        recording = look(call)
    assert (recording.status, recording.reason) == ("missing", "the recording is not ready yet (404)")
    assert recording.next_try_at is None
    assert stored_files() == []


def test_the_last_try_is_at_the_end_of_the_day_and_not_after_it() -> None:
    with far_end(whole(b"", 404)) as end:
        call = world.call(world.account(end.address), recording_url=url(end))
        look(call)
        soon = timezone.now() + timedelta(minutes=10)
        Recording.objects.update(tries=8, give_up_at=soon, next_try_at=timezone.now() - timedelta(seconds=1))
        assert look(call).next_try_at == soon


def test_a_forged_address_is_never_asked_and_the_call_details_are_instead() -> None:
    with far_end(whole(WAV)) as end, far_end(whole(WAV)) as attacker:
        exotel = world.Exotel(world.details(url(end)))
        call = world.call(world.account(end.address), recording_url=f"{attacker.address}/recordings/{world.SID}/a.wav")
        recording = look(call, exotel)
    assert recording.status == "stored"
    assert exotel.asked == [call.sid]
    assert attacker.paths == []
    assert [one["source"] for one in recording.candidates] == ["details", "details"]
    assert [bool(one["verdict"]) for one in recording.candidates] == [False, True]


@pytest.mark.parametrize("address", ["file:///etc/passwd", "http://key:token@127.0.0.1:1/a", "http://127.0.0.1:1/x"])
def test_a_call_with_only_a_forged_address_is_refused_after_a_day_in_words(address: str) -> None:
    call = world.call(world.account("http://127.0.0.1:9"), recording_url=address)
    recording = look(call)
    assert (recording.status, recording.ask_next) == ("waiting", True)
    assert "its address was not fetched" in recording.last_error
    world.due_now(recording, give_up_at=timezone.now())
    assert look(call).status == "refused"


def test_the_passthrus_address_is_a_candidate_like_the_callbacks() -> None:
    with far_end(whole(WAV)) as end:
        call = world.call(world.account(end.address))
        call.events.create(source=EventSource.PASSTHRU, digest="a", said={"recording_url": url(end, "flow.wav")})
        recording = look(call)
    assert recording.status == "stored"
    assert [one["source"] for one in recording.candidates] == ["passthru"]
    assert end.paths == [f"/recordings/{world.SID}/flow.wav"]


def test_an_address_that_expired_makes_us_ask_for_a_fresh_one_at_the_next_try() -> None:
    with far_end(whole(b"", 403)) as end:
        exotel = world.Exotel(world.details(url(end, "fresh.wav")))
        call = world.call(world.account(end.address), recording_url=url(end))
        recording = look(call, exotel)
        assert (recording.ask_next, exotel.asked) == (True, [])
        end.serve = whole(WAV)
        world.due_now(recording)
        assert look(call, exotel).status == "stored"
    assert end.paths[-1].endswith("fresh.wav")


@override_settings(RECORDING_HOSTS=["localhost"])
def test_the_key_goes_to_the_accounts_own_host_only() -> None:
    with far_end(whole(b"", 404)) as end, far_end(whole(WAV)) as other:
        account = world.account(end.address)
        with override_settings(RECORDING_HOSTS=[f"localhost:{other.port}"]):
            call = world.call(account, recording_url=f"http://localhost:{other.port}/recordings/{world.SID}/a.wav")
            call.events.create(source=EventSource.CALLBACK, digest="a", said={"recording_url": url(end)})
            call.events.create(
                source=EventSource.CALLBACK, digest="b", said={"recording_url": f"{url(end)}?X-Amz-Signature=1"}
            )
            assert look(call).status == "stored"
    assert sorted(map(bool, end.keys)) == [False, True]
    assert other.keys == [None]


def test_a_presigned_address_is_remembered_as_such() -> None:
    with far_end(whole(WAV)) as end:
        call = world.call(world.account(end.address), recording_url=f"{url(end)}?X-Amz-Signature=1")
        assert look(call).presigned


def test_no_question_is_asked_beyond_the_accounts_budget() -> None:
    exotel = world.Exotel(world.details(None))
    account = world.account("http://127.0.0.1:9", calls_per_minute=60)
    calls = [world.call(account) for _ in range(3)]
    for call in calls:
        look(call, exotel)
    assert len(exotel.asked) == 1
    asked, *others = Recording.objects.order_by("-tries", "pk")
    assert asked.last_error == "Exotel has named no recording of this call"
    assert [(one.tries, one.status) for one in others] == [(0, "waiting")] * 2
    assert all(one.next_try_at and one.next_try_at > timezone.now() + timedelta(seconds=8) for one in others)


def test_when_exotel_asks_to_wait_the_account_waits() -> None:
    account = world.account("http://127.0.0.1:9")
    recording = look(world.call(account), world.Exotel(RateLimited("slow down", retry_after=7)))
    backoff = people.pacer(account).backoff_until
    assert backoff is not None
    assert backoff > timezone.now() + timedelta(seconds=5)
    assert recording.status == "waiting"


def test_when_exotel_cannot_be_reached_the_known_address_is_still_tried() -> None:
    with far_end(whole(WAV)) as end:
        call = world.call(world.account(end.address), recording_url=url(end))
        keeping.enrol()
        Recording.objects.update(ask_next=True)
        assert look(call, world.Exotel(Unreachable("no answer"))).status == "stored"


def test_a_page_instead_of_a_recording_is_refused_after_a_day() -> None:
    with far_end(whole(b"<!doctype html>" + bytes(999))) as end:
        call = world.call(world.account(end.address), recording_url=url(end))
        recording = look(call)
        assert recording.status == "waiting"
        world.due_now(recording, give_up_at=timezone.now())
        recording = look(call)
    assert (recording.status, recording.reason) == ("refused", "a page came instead of a recording")
    assert stored_files() == []


def test_a_recording_that_is_too_large_is_refused_at_once() -> None:
    with far_end(whole(WAV)) as end:
        call = world.call(world.account(end.address), recording_url=url(end))
        assert look(call, size=1000).status == "refused"


def test_a_recording_without_readable_sound_is_stored_without_a_waveform() -> None:
    body = b"ID3" + bytes(500)
    with far_end(whole(body)) as end:
        call = world.call(world.account(end.address), recording_url=url(end))
        recording = look(call)
    assert (recording.status, recording.peaks, recording.seconds) == ("stored", [], None)
    assert "without a waveform" in recording.last_error


def test_a_recording_that_killed_its_decoder_twice_is_left_alone() -> None:
    with far_end(whole(WAV)) as end:
        look(world.call(world.account(end.address), recording_url=url(end)))
    Recording.objects.update(peaks=None, measurings=1)
    assert keeping.measure_due() == 1
    Recording.objects.update(peaks=None, measurings=2)
    assert keeping.measure_due() == 0


# -------------------------------------------------------------------------------------------------------------- fences
def claimed(end: FarEnd) -> tuple[CallAttempt, Try]:
    call = world.call(world.account(end.address), recording_url=url(end))
    keeping.enrol()
    (one,) = keeping.claim(4)
    return call, one


def test_a_recording_that_somebody_fetches_is_nobody_elses() -> None:
    with far_end(whole(WAV)) as end:
        claimed(end)
        assert keeping.claim(4) == []


def test_what_a_dead_worker_left_is_fetched_again_and_its_file_is_gone() -> None:
    with far_end(whole(WAV)) as end:
        call, dead = claimed(end)
        try_once(dead, world.outside())  # it stored the file, and was killed before it could say so
        assert len(stored_files()) == 1
        assert look(call).status == "fetching"
        world.due_now(Recording.objects.get())
        assert look(call).status == "stored"
    assert [os.path.basename(path) for path in stored_files()] == [
        os.path.basename(Recording.objects.get().file.name or "")
    ]


def test_a_worker_that_wakes_up_late_changes_nothing_and_takes_its_file_away() -> None:
    with far_end(whole(WAV)) as end:
        call, slow = claimed(end)
        late = try_once(slow, world.outside())
        world.due_now(Recording.objects.get())
        (other,) = keeping.claim(4)
        assert not keeping.settle(slow, late)
        assert keeping.settle(other, try_once(other, world.outside()))
        assert not keeping.settle(slow, late)
    assert Recording.objects.get(attempt=call).file.name == other.name
    assert len(stored_files()) == 1


def test_a_download_leaves_no_temporary_file_even_when_it_breaks_off(tmp_path: Path) -> None:
    head = b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n" % len(WAV)
    with far_end(raw(head + WAV[:-9])) as end, override_settings(FILE_UPLOAD_TEMP_DIR=str(tmp_path)):
        look(world.call(world.account(end.address), recording_url=url(end)))
    assert list(tmp_path.iterdir()) == []


def test_a_storage_that_cannot_write_says_so_and_the_recording_waits(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("not a folder")
    with far_end(whole(WAV)) as end, override_settings(MEDIA_ROOT=tmp_path / "file"):
        call = world.call(world.account(end.address), recording_url=url(end))
        recording = look(call)
    assert recording.status == "waiting"
    assert "could not be stored" in recording.last_error


# --------------------------------------------------------------------------------------------------------------- again
def test_a_missing_recording_is_looked_for_again_for_another_day() -> None:
    with far_end(whole(WAV)) as end:
        call = world.call(world.account(end.address), recording_url=url(end))
        keeping.enrol()
        Recording.objects.update(status="missing", reason="gone", next_try_at=None, tries=12, give_up_at=timezone.now())
        assert keeping.refetch(call.pk, by=COMMAND_LINE)
        recording = Recording.objects.get()
        assert (recording.status, recording.tries, recording.reason) == ("waiting", 0, "")
        assert recording.give_up_at > timezone.now() + timedelta(hours=23)
        assert look(call).status == "stored"
    assert AuditEntry.objects.get().subject == f"call:{call.pk}"


def test_a_call_of_last_week_can_be_looked_for_by_hand() -> None:
    with far_end(whole(WAV)) as end:
        last_week = timezone.now() - timedelta(days=7)
        call = world.call(world.account(end.address), recording_url=url(end), ended_at=last_week)
        assert keeping.enrol() == 0
        assert keeping.refetch(call.pk, by=COMMAND_LINE)
        assert look(call).status == "stored"


def test_all_missing_recordings_of_one_kind_are_looked_for_again_together() -> None:
    kinds = ("simulator", "simulator", "exotel")
    for kind in kinds:
        call = world.call(world.account("http://127.0.0.1:9", kind=kind))
        Recording.objects.create(attempt=call, status="refused", give_up_at=timezone.now())
    assert keeping.refetch_all("simulator", by=COMMAND_LINE) == 2
    assert Recording.objects.filter(status="refused").count() == 1
