"""Recordings: what is heard on which side, and what numbers are fated to have fetched."""

import io
import wave
from array import array

import httpx
import pytest

from dialer.simulator.recordings import wav
from tests.simulator.conftest import Running, Start
from tests.simulator.doubles import bot, receiver, speak_and_mark


async def recorded(simulator: Running, code: str, **form: str) -> tuple[str, str]:
    """Sid and recording address of an ended call."""
    async with bot(speak_and_mark) as far:
        made = await simulator.connect(f"+9190000{code}001", StreamUrl=far.url, Record="true", **form)
        call = made.json()["Call"]
        await simulator.until(lambda book: book.calls[call["Sid"]].ended)
    details = (await simulator.client.get(call["Uri"])).json()["Call"]
    return call["Sid"], details["RecordingUrl"]


def sides(content: bytes) -> tuple[list[int], list[int]]:
    with wave.open(io.BytesIO(content)) as recording:
        samples = array("h", recording.readframes(recording.getnframes())).tolist()
    return samples[::2], samples[1::2]


def test_a_dual_recording_has_the_person_left_and_the_bot_right() -> None:
    person, tone = sides(wav(5, dual=True))
    assert len(person) == len(tone) == 5 * 8000
    assert max(person[:8000]) == 0
    assert max(tone[:8000]) == 9000
    assert max(person[16000:24000]) > 5000
    assert max(tone[16000:24000]) == 0


def test_a_single_recording_is_as_long_as_the_talk_and_never_above_ten_minutes() -> None:
    for seconds, length in ((0, 1), (7, 7), (9000, 600)):
        with wave.open(io.BytesIO(wav(seconds, dual=False))) as recording:
            assert (recording.getnchannels(), recording.getnframes()) == (1, length * 8000)


@pytest.mark.parametrize(
    ("code", "status", "begins"),
    [("01", 200, b"RIFF"), ("70", 404, b"<?xml"), ("73", 200, b"RIFF"), ("75", 200, b"<!DOC"), ("77", 200, b"")],
)
async def test_a_recording_is_what_its_number_says(start: Start, code: str, status: int, begins: bytes) -> None:
    simulator = await start(recording_delay=0.0)
    _, url = await recorded(simulator, code)
    answer = await simulator.client.get(url)
    assert answer.status_code == status
    assert answer.content.startswith(begins)
    assert bool(answer.content) == bool(begins)
    if code == "73":
        assert int.from_bytes(answer.content[4:8], "little") > len(answer.content)


async def test_a_recording_may_break_off(start: Start) -> None:
    simulator = await start(recording_delay=0.0)
    _, url = await recorded(simulator, "74")
    with pytest.raises(httpx.RemoteProtocolError):
        await simulator.client.get(url)


async def test_a_recording_may_be_denied_twice(start: Start) -> None:
    simulator = await start(recording_delay=0.0)
    _, url = await recorded(simulator, "76")
    assert [(await simulator.client.get(url)).status_code for _ in range(3)] == [403, 403, 200]


async def test_a_late_recording_takes_ten_times_as_long(start: Start) -> None:
    simulator = await start(recording_delay=10.0)
    sid, url = await recorded(simulator, "72")
    ended = simulator.ledger().calls[sid].ended_at
    await simulator.until_time(ended + 10 / 50 + 0.05)
    assert (await simulator.client.get(url)).status_code == 404
    await simulator.until_time(ended + 100 / 50 + 0.05)
    assert (await simulator.client.get(url)).status_code == 200


async def test_a_recording_may_be_named_in_details_only(start: Start) -> None:
    simulator = await start()
    async with receiver() as callbacks:
        _, url = await recorded(simulator, "71", StatusCallback=callbacks.url)
        await simulator.until(lambda book: book.of("callback"))
    assert url
    assert b"RecordingUrl" not in callbacks.posts[0][1]


async def test_a_presigned_address_opens_without_a_key_for_its_minutes(start: Start) -> None:
    simulator = await start(recording_delay=0.0, presigned=True)
    sid, _ = await recorded(simulator, "01")
    path = f"/v1/Accounts/simulated/Calls/{sid}.json?RecordingUrlValidity="
    assert (await simulator.client.get(path + "61")).status_code == 400
    url = (await simulator.client.get(path + "5")).json()["Call"]["PreSignedRecordingUrl"]
    listed = (await simulator.client.get("/v1/Accounts/simulated/Calls.json")).json()["Calls"][0]
    assert "signature=" in listed["PreSignedRecordingUrl"]
    async with httpx.AsyncClient(trust_env=False) as stranger:
        assert (await stranger.get(url)).content[:4] == b"RIFF"
        assert (await stranger.get(url.replace("signature=", "signature=0"))).status_code == 403
        assert (await stranger.get(url.replace("expires=1", "expires=0"))).status_code == 403
