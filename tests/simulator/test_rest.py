"""The REST face over a real port: who may ask, in which form, and what comes back."""

import io
import wave

import httpx
import pytest

from tests.simulator.conftest import Start

CONNECT = "/v1/Accounts/simulated/Calls/connect"
FORM = {"From": "+919000011001", "CallerId": "08047491899", "Url": "http://my.exotel.com/simulated/exoml/start_voice/1"}


async def test_a_stranger_is_refused(start: Start) -> None:
    simulator = await start()
    answer = await simulator.client.post(f"{CONNECT}.json", data=FORM, auth=("simulator", "wrong"))
    assert (answer.status_code, answer.json()["RestException"]["Status"]) == (401, 401)
    assert simulator.ledger().calls == {}


async def test_parameters_are_read_from_forms_and_queries_but_not_from_json(start: Start) -> None:
    client = (await start()).client
    answers = [
        await client.post(f"{CONNECT}.json", data=FORM),
        await client.post(f"{CONNECT}.json", files={name: (None, value) for name, value in FORM.items()}),
        await client.post(f"{CONNECT}.json", params=FORM),
        await client.post(f"{CONNECT}.json", json=FORM),
    ]
    assert [answer.status_code for answer in answers] == [200, 200, 200, 400]
    assert answers[1].json()["Call"]["From"] == "09000011001"


async def test_the_answer_is_xml_unless_json_was_asked(start: Start) -> None:
    client = (await start()).client
    answer = await client.post(CONNECT, data=FORM)
    assert answer.headers["content-type"] == "application/xml"
    assert answer.text.startswith('<?xml version="1.0" encoding="UTF-8"?>\n<TwilioResponse>\n <Call>\n  <Sid>')
    refused = await client.post(CONNECT, data=FORM | {"CallerId": "08099999999"})
    assert refused.status_code == 400
    assert "<RestException>\n  <Status>400</Status>" in refused.text


async def test_paths_are_case_sensitive_on_the_wire(start: Start) -> None:
    client = (await start()).client
    assert (await client.post("/v1/accounts/simulated/calls/connect", data=FORM)).status_code == 404
    assert (await client.post("/v1/Accounts/other/Calls/connect", data=FORM)).status_code == 404
    assert (await client.get(CONNECT)).status_code == 405


async def test_the_seed_dialect_reads_both_spellings(start: Start) -> None:
    client = (await start(dialect="seed")).client
    lower = {name.lower(): value for name, value in FORM.items()}
    answer = await client.post("/v1/accounts/simulated/calls/connect", data=lower)
    assert answer.json()["call"]["status"] == "queued"
    assert (await client.post(f"{CONNECT}.json", data=FORM)).json()["Call"]["Status"] == "queued"


async def test_details_and_lists_show_the_call(start: Start) -> None:
    client = (await start()).client
    made = (await client.post(f"{CONNECT}.json", data=FORM)).json()["Call"]
    account = "/v1/Accounts/simulated"
    details = (await client.get(f"{account}/Calls/{made['Sid']}.json?details=true")).json()["Call"]
    assert details["Details"]["ConversationDuration"] == 0
    assert (await client.get(made["Uri"])).json()["Call"]["Sid"] == made["Sid"]
    assert f"<Sid>{made['Sid']}</Sid>" in (await client.get(f"{account}/Calls/{made['Sid']}")).text
    listed = (await client.get(f"{account}/Calls.json", params={"From": "+919000011001"})).json()
    assert [call["Sid"] for call in listed["Calls"]] == [made["Sid"]]
    assert (await client.get(f"{account}/Calls.json?DateCreated=gte:2026-01-01T00:00:00")).status_code == 400
    assert (await client.get(f"{account}/Calls/{'0' * 32}.json")).status_code == 404
    assert "<ActiveStreamCount>0</ActiveStreamCount>" in (await client.get(f"{account}/ActiveStreams")).text


async def test_ongoing_calls_can_be_hidden(start: Start) -> None:
    client = (await start(hide_ongoing=True)).client
    made = (await client.post(f"{CONNECT}.json", data=FORM)).json()["Call"]
    assert (await client.get("/v1/Accounts/simulated/Calls.json")).json()["Calls"] == []
    assert (await client.get(made["Uri"])).status_code == 404


async def test_above_the_rate_comes_429_with_the_seconds_to_wait(start: Start) -> None:
    simulator = await start(calls_per_minute=2)
    answers = [await simulator.connect("+919000011001") for _ in range(3)]
    assert [answer.status_code for answer in answers] == [200, 200, 429]
    assert answers[2].headers["retry-after"] == "2"
    assert [entry["status"] for entry in simulator.ledger().of("refused")] == [429]


async def test_a_recording_is_ready_a_minute_after_the_end_and_private(start: Start) -> None:
    simulator = await start()
    made = await simulator.connect("+919000001001", Record="true", RecordingChannels="dual")
    sid = made.json()["Call"]["Sid"]
    await simulator.until(lambda book: book.calls[sid].ended)
    url = (await simulator.client.get(made.json()["Call"]["Uri"])).json()["Call"]["RecordingUrl"]
    assert (await simulator.client.get(url)).status_code == 404
    async with httpx.AsyncClient(trust_env=False) as stranger:
        assert (await stranger.get(url)).status_code == 401
    ended = simulator.ledger().calls[sid].ended_at
    await simulator.until_time(ended + 60 / simulator.options.speed + 0.05)
    answer = await simulator.client.get(url)
    assert answer.headers["content-type"] == "audio/wav"
    with wave.open(io.BytesIO(answer.content)) as recording:
        assert (recording.getnchannels(), recording.getframerate()) == (2, 8000)


@pytest.mark.parametrize("code", ["13", "42", "62"])
async def test_a_refused_number_is_answered_with_its_status(start: Start, code: str) -> None:
    answer = await (await start()).connect(f"+9190000{code}001")
    assert answer.json()["RestException"]["Status"] == {"13": 403, "42": 503, "62": 403}[code]


async def test_spoiled_answers_have_a_call_behind_them(start: Start) -> None:
    simulator = await start()
    with pytest.raises(httpx.ReadError):
        await simulator.connect("+919000040001")
    assert (await simulator.connect("+919000041001")).status_code == 503
    empty = await simulator.connect("+919000043001")
    assert (empty.status_code, empty.content) == (200, b"")
    xml = await simulator.connect("+919000047001")
    assert xml.text.startswith("<?xml")
    with pytest.raises(httpx.ReadTimeout):
        await simulator.connect_within(0.3, "+919000044001")
    assert {call.number[6:8] for call in simulator.ledger().calls.values()} == {"40", "41", "43", "44", "47"}


async def test_a_connection_closed_before_acceptance_has_no_call_behind_it(start: Start) -> None:
    simulator = await start()
    with pytest.raises(httpx.RemoteProtocolError):
        await simulator.connect("+919000046001")
    assert simulator.ledger().calls == {}


async def test_the_simulator_says_that_it_lives_without_a_key(start: Start) -> None:
    simulator = await start()
    answer = await simulator.client.get("/_simulator/health", auth=None)
    assert answer.json() == {"calls": 0, "open": 0, "streams": 0}
    assert simulator.ledger().of("request") == []
