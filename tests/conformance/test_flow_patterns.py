"""The flow patterns that the vendor's pages name, each played by the simulator against the whole product.

One product, one campaign for each flow, all at once; a test looks at one of them. The flows are those of
docs/simulator.md.
"""

import csv
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest

from dialer.simulator.ledger import CallRecord
from tests.product.running import Product

pytestmark = [pytest.mark.processes, pytest.mark.timeout(240)]

FLOW = "http://my.exotel.com/simulated/exoml/start_voice/"
DYNAMIC, MENU, BEFORE, BESIDE, LISTEN, WIDE = "102", "103", "104", "105", "106", "108"
BOTS = {DYNAMIC: "announcer", MENU: "announcer", BEFORE: "announcer", BESIDE: "listener", LISTEN: "listener"}
MESSAGE = "A payment is due this week. Press 1 to confirm."


class Played:
    """What became of the flows."""

    def __init__(self, product: Product) -> None:
        self.product = product
        self.campaigns: dict[str, int] = {}

    def call(self, flow: str) -> CallRecord:
        """The call of a flow as the simulator saw it."""
        (record,) = self.product.ledger().by_number(number(flow))
        return record

    def applets(self, flow: str) -> list[str]:
        return [str(entry["applet"]) for entry in self.call(flow).applets]

    def attempt(self, flow: str) -> dict[str, Any]:
        names = ("outcome", "flow_digits", "disposition", "carrier_streams", "slot_evidence", "contradiction")
        rows = self.product.query(
            f"SELECT {', '.join(names)} FROM campaigns_callattempt WHERE campaign_id = %s", self.campaigns[flow]
        )
        (row,) = rows
        return dict(zip(names, row, strict=True))

    def streams(self, flow: str) -> list[dict[str, Any]]:
        names = ("sample_rate", "custom_parameters", "frames_in", "bytes_out", "closed_by", "close_code")
        columns = ", ".join(f"s.{name}" for name in names)
        rows = self.product.query(
            f"SELECT {columns} FROM campaigns_stream s JOIN campaigns_callattempt a ON a.id = s.attempt_id"
            " WHERE a.campaign_id = %s ORDER BY s.id",
            self.campaigns[flow],
        )
        return [dict(zip(names, row, strict=True)) for row in rows]

    def sources(self, flow: str) -> set[str]:
        rows = self.product.query(
            "SELECT e.source FROM campaigns_callevent e JOIN campaigns_callattempt a ON a.id = e.attempt_id"
            " WHERE a.campaign_id = %s",
            self.campaigns[flow],
        )
        return {str(source) for (source,) in rows}


def number(flow: str) -> str:
    """Somebody who answers and presses 1, one for each flow."""
    return f"+919000001{flow}"


@pytest.fixture(scope="module")
def played(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Played]:
    folder = tmp_path_factory.mktemp("flows")
    product = Product(folder, {"SIMULATOR_SPEED": "8"})
    try:
        product.wait_until_up()
        found = Played(product)
        _play(found, folder, "static-stream", [WIDE])
        _play(found, folder, "dynamic-stream", list(BOTS))
        yield found
        product.stop()
    finally:
        product.kill()


def _play(found: Played, folder: Path, address: str, flows: list[str]) -> None:
    """Flows whose Stream and Voicebot applets hold our address of this kind, to the end of their campaigns."""
    _set_variables(found.product, address)
    for flow in flows:
        found.campaigns[flow] = _launch(found.product, folder, flow)
    for flow in flows:
        found.product.wait_for_status(found.campaigns[flow], "completed", 120)


def _set_variables(product: Product, address: str) -> None:
    known = product.manage("flow_addresses")
    runtime = json.loads((product.state_dir / "runtime.json").read_text(encoding="utf-8"))
    given = {
        "stream_url": known[address],
        "dynamic_url": known["dynamic-stream"],
        "passthru_url": known["passthru"],
    }
    answer = httpx.put(f"{runtime['EXOTEL_API_URL']}/_simulator/flow-vars", json=given, auth=("simulator", "simulator"))
    assert answer.status_code == 200, answer.text


def _launch(product: Product, folder: Path, flow: str) -> int:
    path = folder / f"{flow}.csv"
    with path.open("w", encoding="utf-8", newline="") as file:
        csv.writer(file).writerows([["name", "phone", "amount"], ["Asha Rao", number(flow), "4350"]])
    product.manage("import_contacts", str(path), "--list", flow)
    bot = BOTS.get(flow, "announcer")
    words = ["--name", flow, "--list", flow, "--mode", "flow", "--flow-url", FLOW + flow, "--bot", bot]
    words += ["--bot-option", f"message={MESSAGE}"] if bot == "announcer" else []
    words += ["--stream-parameter", "amount"] if flow == DYNAMIC else []
    campaign = int(product.manage("create_campaign", *words, "--time-limit", "120")["id"])
    product.manage("launch_campaign", str(campaign))
    return campaign


def test_greeting_then_bot_by_dynamic_address(played: Played) -> None:
    assert played.applets(DYNAMIC)[:2] == ["Greeting", "Voicebot"]
    asked = [entry for entry in played.call(DYNAMIC).asked if entry["event"] == "dynamic-url"]
    assert [(entry["status"], entry["method"]) for entry in asked] == [(200, "GET")]
    assert asked[0]["answer"].startswith("ws://")
    assert {"dynamic", "passthru"} <= played.sources(DYNAMIC)
    assert (played.attempt(DYNAMIC)["outcome"], played.attempt(DYNAMIC)["disposition"]) == ("answered", "Confirmed")
    (stream,) = played.streams(DYNAMIC)
    assert (stream["closed_by"], stream["custom_parameters"]["amount"]) == ("bot", "4350")


def test_menu_then_bot(played: Played) -> None:
    assert played.applets(MENU)[:2] == ["Gather", "Voicebot"]
    assert played.attempt(MENU)["flow_digits"] == "1"
    assert len(played.streams(MENU)) == 1


def test_a_passthru_before_the_bot_then_bot(played: Played) -> None:
    assert played.applets(BEFORE)[:2] == ["Passthru", "Voicebot"]
    first = played.call(BEFORE).passthrus[0]
    assert (first["status"], first["next"] != "") == (200, True)
    assert len(played.streams(BEFORE)) == 1
    assert played.attempt(BEFORE)["slot_evidence"] != "passthru"


def test_a_stream_beside_a_human_is_stopped_by_the_flow(played: Played) -> None:
    assert [name for name in played.applets(BESIDE) if name != "Passthru"] == ["Stream", "Connect", "Stream"]
    (stream,) = played.streams(BESIDE)
    assert stream["frames_in"] > 0
    assert stream["bytes_out"] == 0
    assert stream["closed_by"] == "caller"
    assert played.attempt(BESIDE)["slot_evidence"] != "stream"


def test_listen_only(played: Played) -> None:
    assert played.applets(LISTEN) == ["Stream", "Passthru"]
    (stream,) = played.streams(LISTEN)
    assert (stream["bytes_out"], played.attempt(LISTEN)["disposition"]) == (0, "Listened")
    far = next(entry for entry in played.call(LISTEN).streams if entry["state"] == "closed")
    assert far["bytes"] == 0
    assert [told["status"] for told in played.attempt(LISTEN)["carrier_streams"]] == ["completed"]


def test_sixteen_kilohertz_and_parameters_from_the_applet(played: Played) -> None:
    (stream,) = played.streams(WIDE)
    assert stream["sample_rate"] == 16_000
    assert stream["custom_parameters"]["language"] == "hi"
    assert played.attempt(WIDE)["outcome"] == "answered"


def test_nothing_contradicts_and_nobody_is_called_twice(played: Played) -> None:
    assert {played.attempt(flow)["contradiction"] for flow in played.campaigns} == {""}
    assert played.product.ledger().doubles() == {}
    assert played.product.trouble() == []
