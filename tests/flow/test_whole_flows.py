"""Flows from end to end: the whole product dials, the simulator plays the flow and keeps the ledger that judges."""

import base64
import json
import urllib.request
from collections.abc import Iterator
from typing import Any

import pytest

from dialer.simulator.ledger import CallRecord
from tests.product.conftest import lasting
from tests.product.running import Product

pytestmark = pytest.mark.processes

PRESSES_1, PRESSES_2 = "+919000001777", "+919000002777"
LAST = "(SELECT max(id) FROM campaigns_campaign)"
KEYS = "keys=1 = confirmed (goal): Will pay\n2 = later (objection): Later"


@pytest.fixture(scope="module")
def product(tmp_path_factory: pytest.TempPathFactory, request: pytest.FixtureRequest) -> Iterator[Product]:
    """The product, its addresses typed into the simulator's flows, and two people on a list."""
    folder = tmp_path_factory.mktemp("flows")
    with lasting(folder, request, SIMULATOR_SPEED="20") as one:
        addresses = one.manage("flow_addresses")
        variables = {
            "passthru_url": addresses["passthru"],
            "stream_url": addresses["static-stream"],
            "dynamic_url": addresses["dynamic-stream"],
        }
        _type_in(one, variables)
        people = folder / "people.csv"
        people.write_text(f"phone,name,city\n{PRESSES_1},Asha,Nagpur\n{PRESSES_2},Ravi,Pune\n", encoding="utf-8")
        one.manage("import_contacts", str(people), "--list", "Due")
        yield one


def _type_in(product: Product, variables: dict[str, str]) -> None:
    runtime = json.loads((product.state_dir / "runtime.json").read_text(encoding="utf-8"))
    credentials = base64.b64encode(b"simulator:simulator").decode()
    request = urllib.request.Request(
        f"{runtime['EXOTEL_API_URL']}/_simulator/flow-vars",
        data=json.dumps(variables).encode(),
        headers={"Authorization": f"Basic {credentials}"},
        method="PUT",
    )
    with urllib.request.urlopen(request, timeout=10) as answer:
        assert answer.status == 200


def run(product: Product, flow: str, *options: str) -> dict[str, CallRecord]:
    """Dial both people through a flow; the simulator's record of each call."""
    words = ("--name", f"Flow {flow}", "--list", "Due", "--mode", "flow", *options)
    url = f"http://my.exotel.com/simulated/exoml/start_voice/{flow}"
    campaign = product.manage("create_campaign", *words, "--flow-url", url)["id"]
    product.manage("launch_campaign", str(campaign))
    product.wait_for_status(campaign, "completed", 90)
    return {number: product.ledger().by_number(number)[-1] for number in (PRESSES_1, PRESSES_2)}


def attempts(product: Product) -> dict[str, dict[str, Any]]:
    """What we know of each person's latest call."""
    rows = product.query(
        "SELECT DISTINCT ON (phone) phone, disposition_kind, carrier_streams, slot_evidence, contradiction,"
        " slot_released_at >= ended_at FROM campaigns_callattempt ORDER BY phone, id DESC"
    )
    names = ("kind", "streams", "evidence", "contradiction", "slot_kept")
    return {phone: dict(zip(names, facts, strict=True)) for phone, *facts in rows}


def test_the_bots_result_steers_the_flow_to_a_human_or_to_its_end(product: Product) -> None:
    calls = run(product, "101", "--bot", "announcer", "--bot-option", KEYS, "--passthru-branch", "goal")
    (confirmed,), (later,) = calls[PRESSES_1].passthrus, calls[PRESSES_2].passthrus
    assert (confirmed["status"], confirmed["next"]) == (302, "end")
    assert (later["status"], later["next"]) == (200, "human")
    known = attempts(product)
    assert (known[PRESSES_1]["kind"], known[PRESSES_2]["kind"]) == ("goal", "objection")
    for number in calls:
        assert known[number]["contradiction"] == ""
        assert [stream["status"] for stream in known[number]["streams"]] == ["completed"]
        assert known[number]["slot_kept"], "the human leg was part of the call"
        assert known[number]["evidence"] != "passthru"
    assert product.query("SELECT count(*) FROM campaigns_callevent WHERE attempt_id IS NULL") == [(0,)]


def test_a_dynamic_address_carries_the_columns_and_a_last_passthru_frees_the_slot(product: Product) -> None:
    options = ("--bot", "announcer", "--stream-parameter", "city", "--passthru-ends-call")
    calls = run(product, "102", *options)
    assert all(len(call.passthrus) == 1 and call.passthrus[0]["status"] == 200 for call in calls.values())
    given = {
        phone: parameters["city"]
        for phone, parameters in product.query(
            "SELECT a.phone, s.custom_parameters FROM campaigns_stream s JOIN campaigns_callattempt a"
            f" ON a.id = s.attempt_id WHERE a.campaign_id = {LAST}"
        )
    }
    assert given == {PRESSES_1: "Nagpur", PRESSES_2: "Pune"}
    assert {facts["contradiction"] for facts in attempts(product).values()} == {""}


def test_a_listener_hears_a_flow_that_talks_to_itself(product: Product) -> None:
    calls = run(product, "106", "--bot", "listener")
    for call in calls.values():
        assert call.status == "completed"
        (closed,) = [stream for stream in call.streams if stream["state"] == "closed"]
        assert (closed["media"], closed["marks"], closed["clears"]) == (0, 0, 0)
    assert product.query("SELECT problem, seen_at IS NOT NULL FROM campaigns_streamuse") == [("", True)]
    heard = product.query(
        "SELECT frames_in > 0, frames_out FROM campaigns_stream s"
        f" JOIN campaigns_callattempt a ON a.id = s.attempt_id WHERE a.campaign_id = {LAST}"
    )
    assert heard == [(True, 0), (True, 0)]
