"""One campaign end to end against Exotel as it was seen, and against Exotel as its guide prints it.

For the bot the carrier runs in real time, so that frames have their true size. The simulator's ledger and our tables
judge.
"""

import csv
import json
import re
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx
import pytest

from campaigns.exotel.client import ExotelClient
from campaigns.exotel.payloads import Spelling
from dialer.simulator.ledger import CallRecord
from tests.product.conftest import Start
from tests.product.running import OUTCOME_OF, Product, wait_until

pytestmark = [pytest.mark.processes, pytest.mark.timeout(240)]

CONFIRMS, BUSY, HANGS_UP, UNTOLD = "+919000001001", "+919000010001", "+919000020001", "+919000030001"
PEOPLE = (CONFIRMS, BUSY, HANGS_UP, UNTOLD)
MESSAGE = "Dear customer, a payment is due this week. Press 1 to confirm that you will pay it in time."


@dataclass(frozen=True)
class Dialect:
    """How one Exotel talks, and the account's spelling that goes with it."""

    name: str
    spelling: Spelling
    connect: str  # path of the dial POST
    sid: str  # pattern of a CallSid
    encoding: str
    frame: int  # bytes of audio
    stop: str  # reason in the last frame of a call that ended
    passthru: str  # what its Passthru calls the stream's id


WIRE = Dialect(
    "wire",
    "wire",
    "/v1/Accounts/simulated/Calls/connect.json",
    r"[0-9a-f]{28}[0-9a-z]{4}",
    "base64",
    320,
    "canceled or call ended",
    "Stream[StreamSID]",
)
SEED = Dialect(
    "seed",
    "documented",
    "/v1/accounts/simulated/calls/connect",
    r"CA[0-9a-f]{24}",
    "audio/x-raw",
    1600,
    "callended",
    "streamsid",
)


@pytest.fixture(params=[WIRE, SEED], ids=["wire", "seed"])
def dialect(request: pytest.FixtureRequest) -> Dialect:
    found: Dialect = request.param
    return found


def started(start: Start, dialect: Dialect, speed: int) -> Product:
    """The product with an account spelled for the dialect that its simulator speaks."""
    one = start(SIMULATOR_SPEED=str(speed), SIMULATOR_DIALECT=dialect.name, SIMULATOR_RECORDING_DELAY="2")
    one.query("UPDATE campaigns_exotelaccount SET spelling = %s RETURNING id", dialect.spelling)
    return one


def imported(product: Product, folder: Path, *numbers: str) -> str:
    path = folder / "people.csv"
    with path.open("w", encoding="utf-8", newline="") as file:
        csv.writer(file).writerows([["name", "phone"], *((f"Person {n}", number) for n, number in enumerate(numbers))])
    return str(product.manage("import_contacts", str(path), "--list", "Due today")["list"])


def launched(product: Product, folder: Path, *options: str, people: tuple[str, ...] = PEOPLE) -> int:
    words = ("--name", "Reminders", "--list", imported(product, folder, *people), "--time-limit", "90")
    campaign = int(product.manage("create_campaign", *words, "--bot-option", f"message={MESSAGE}", *options)["id"])
    product.manage("launch_campaign", str(campaign))
    return campaign


def client(product: Product, dialect: Dialect) -> ExotelClient:
    runtime = json.loads((product.state_dir / "runtime.json").read_text(encoding="utf-8"))
    return ExotelClient(runtime["EXOTEL_API_URL"], "simulated", "simulator", "simulator", dialect.spelling)


def call_to(product: Product, number: str) -> CallRecord:
    (record,) = product.ledger().by_number(number)
    return record


def stream_of(product: Product, number: str) -> dict[str, Any]:
    """The stream of the one call to a number, with its `stop` reason ('' without one)."""
    names = ("stream_sid", "call_sid", "encoding", "sample_rate", "bytes_in", "frames_in", "closed_by", "close_code")
    columns = ", ".join(f"s.{name}" for name in names)
    rows = product.query(
        f"SELECT {columns}, coalesce((SELECT max(e.text) FROM campaigns_streamentry e"
        " WHERE e.stream_id = s.id AND e.kind = 'stop'), '') FROM campaigns_stream s"
        " JOIN campaigns_callattempt a ON a.id = s.attempt_id WHERE a.phone = %s",
        number,
    )
    (row,) = rows
    return dict(zip((*names, "stop"), row, strict=True))


def test_a_bot_campaign_ends_with_the_outcomes_that_the_carrier_saw(
    start: Start, dialect: Dialect, tmp_path: Path
) -> None:
    product = started(start, dialect, 1)
    recorded = ("--record", "--recording-channels", "dual", "--stream-name", "reminders")
    campaign = launched(product, tmp_path, "--mode", "bot", *recorded)
    exotel = client(product, dialect)
    wait_until(lambda: exotel.active_streams().active > 0, 60, "the first stream")
    assert exotel.active_streams().limit == 100
    status = product.wait_for_status(campaign, "completed", 100)

    _dialled_as_spelled(product, dialect)
    assert status["outcomes"]["answered"] == 3
    told = {phone: outcome for phone, (_, outcome) in product.people(campaign).items()}
    assert told == {number: OUTCOME_OF[call_to(product, number).status] for number in PEOPLE}
    _streamed(product, dialect)
    _told_by_callbacks_and_details(product)
    _recorded_on_two_channels(product)
    assert product.trouble() == []


def _dialled_as_spelled(product: Product, dialect: Dialect) -> None:
    ledger = product.ledger()
    posts = [entry for entry in ledger.of("request") if entry["method"] == "POST"]
    assert {(entry["path"], entry["status"]) for entry in posts} == {(dialect.connect, 200)}
    assert len(posts) == len(ledger.calls) == len(PEOPLE)
    for call in ledger.calls.values():
        order = call.accepted["order"]
        assert re.fullmatch(dialect.sid, call.sid)
        assert (order["kind"], order["one_way"], order["time_limit"]) == ("stream", False, 90)
        assert (order["record"], order["recording_channels"]) == (True, "dual")
        assert set(order["events"]) == {"terminal", "answered"}
        assert len(call.accepted["custom_field"]) <= 128
        assert len(call.accepted["stream_url"]) < 600


def _streamed(product: Product, dialect: Dialect) -> None:
    confirms, hangs_up = stream_of(product, CONFIRMS), stream_of(product, HANGS_UP)
    for number, stream in ((CONFIRMS, confirms), (HANGS_UP, hangs_up)):
        far = call_to(product, number)
        opened = next(entry for entry in far.streams if entry["state"] == "opened")
        assert (stream["stream_sid"], stream["call_sid"]) == (opened["stream_sid"], far.sid)
        assert (stream["encoding"], stream["sample_rate"]) == (dialect.encoding, 8000)
        frames = stream["bytes_in"] // dialect.frame
        assert stream["bytes_in"] == frames * dialect.frame
        assert 0 <= stream["frames_in"] - frames <= 8  # connected, start, marks, a key, stop
    assert (confirms["closed_by"], confirms["close_code"]) == ("bot", 1000)
    assert (hangs_up["closed_by"], hangs_up["stop"]) == ("caller", dialect.stop)
    closed = next(entry for entry in call_to(product, CONFIRMS).streams if entry["state"] == "closed")
    assert (closed["by"], closed["digits"]) == ("bot", 1)
    assert (closed["odd_chunks"], closed["small_chunks"], closed["large_chunks"], closed["unreadable"]) == (0, 0, 0, 0)
    assert closed["marks"] == closed["marks_played"] > 0


def _told_by_callbacks_and_details(product: Product) -> None:
    for call in product.ledger().calls.values():
        assert all(told.get("lost") or told["status"] == 200 for told in call.callbacks)
    told_of = "SELECT e.source FROM campaigns_callevent e JOIN campaigns_callattempt a ON a.id = e.attempt_id"
    sources = {source for (source,) in product.query(f"{told_of} WHERE a.phone = %s", UNTOLD)}
    assert "callback" not in sources
    (confirmed,) = product.query(
        "SELECT confirmed_at, outcome, talk_seconds FROM campaigns_callattempt WHERE phone = %s", UNTOLD
    )
    assert confirmed[0] is not None
    assert confirmed[1] == "answered"


def _recorded_on_two_channels(product: Product) -> None:
    stored = (
        "SELECT r.channels, r.size FROM campaigns_recording r JOIN campaigns_callattempt a ON a.id = r.attempt_id"
        " WHERE r.status = 'stored' AND r.peaks IS NOT NULL AND a.phone = %s"
    )
    wait_until(lambda: product.query(stored, CONFIRMS), 60, "the recording")
    ((channels, size),) = product.query(stored, CONFIRMS)
    assert channels == 2
    assert size > 1000


def test_a_flow_hands_over_from_the_bot_and_its_passthru_is_heard(
    start: Start, dialect: Dialect, tmp_path: Path
) -> None:
    product = started(start, dialect, 8)
    addresses = product.manage("flow_addresses")
    given = {"stream_url": addresses["static-stream"], "passthru_url": addresses["passthru"]}
    _set_variables(product, given)
    flow = "http://my.exotel.com/simulated/exoml/start_voice/101"
    words = ("--mode", "flow", "--flow-url", flow, "--bot", "announcer", "--record")
    campaign = launched(product, tmp_path, *words, people=(CONFIRMS,))
    product.wait_for_status(campaign, "completed", 120)

    call = call_to(product, CONFIRMS)
    assert [entry["name"] for entry in call.applets] == ["greeting", "bot", "told", "human"]
    assert (call.accepted["kind"], call.accepted["order"]["stream_url"]) == ("flow", None)
    (passthru,) = call.passthrus
    assert dialect.passthru in passthru["url"].replace("%5B", "[").replace("%5D", "]")
    assert (passthru["status"], passthru["next"]) == (200, "human")
    (told,) = product.query("SELECT carrier_streams, disposition_kind, outcome FROM campaigns_callattempt")
    assert [(stream["status"], stream["ended_by"]) for stream in told[0]] == [("completed", "bot")]
    assert told[1:] == ("goal", "answered")
    assert stream_of(product, CONFIRMS)["encoding"] == dialect.encoding
    assert product.trouble() == []


def _set_variables(product: Product, variables: dict[str, str]) -> None:
    runtime = json.loads((product.state_dir / "runtime.json").read_text(encoding="utf-8"))
    answer = httpx.put(
        f"{runtime['EXOTEL_API_URL']}/_simulator/flow-vars", json=variables, auth=("simulator", "simulator")
    )
    assert answer.status_code == 200, answer.text
