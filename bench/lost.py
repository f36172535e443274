"""Every tenth callback is lost: how long its slot is held after the call's end, and whether the outcomes are right.

The whole product against the simulator at the pace of real time, so nothing here is sped up: one campaign whose bot's
stream ends with the call, and one that rings into a flow of which nobody hears but by callbacks. Judged by the ledger.
"""

import tempfile
from collections.abc import Iterator
from pathlib import Path

from bench.table import Row
from dialer.simulator.ledger import CallRecord
from tests.product.people import numbers, write_csv
from tests.product.running import OUTCOME_OF, Product

LOST = "30"  # the fate whose every callback is lost
FATES = ("00", "01", "02", "03", "10", "11", "12", "20", "01", LOST)
PEOPLE = 100
MODES = {
    "bot": ("--mode", "bot"),
    "flow": ("--mode", "flow", "--flow-url", "http://my.exotel.com/simulated/exoml/start_voice/1"),
}
PATIENCE = 900.0  # seconds for a campaign

_SLOTS = """
SELECT attempt.sid, attempt.outcome, extract(epoch FROM attempt.slot_released_at)::float
FROM campaigns_callattempt AS attempt WHERE attempt.campaign_id = %s
"""


def measure(_runs: int) -> list[Row]:
    """The rows of the part: each mode once."""
    with tempfile.TemporaryDirectory(prefix="dialer-bench-lost-") as folder:
        product = Product(Path(folder), {"SIMULATOR_SPEED": "1"})
        try:
            product.wait_until_up()
            people = Path(folder) / "people.csv"
            write_csv(people, numbers(FATES, PEOPLE), duplicates=0, bad=0)
            product.manage("import_contacts", str(people), "--list", "People")
            return [row for mode, options in MODES.items() for row in _rows(product, mode, options)]
        finally:
            product.kill()


def _rows(product: Product, mode: str, options: tuple[str, ...]) -> Iterator[Row]:
    words = ("--name", mode, "--list", "People", "--calls-per-second", "2", "--max-concurrent", "40", *options)
    campaign = int(product.manage("create_campaign", *words)["id"])
    product.manage("launch_campaign", str(campaign))
    product.wait_for_status(campaign, "completed", PATIENCE)
    found = product.query(_SLOTS, campaign)
    calls = {call.sid: call for call in product.ledger().calls.values()}
    held = [released - calls[sid].ended_at for sid, _, released in found if _lost(calls[sid])]
    wrong = sum(outcome != OUTCOME_OF[calls[sid].status] for sid, outcome, _ in found)
    yield Row(f"{mode}: calls whose callbacks were all lost", f"of {len(found)}", [len(held)])
    yield Row(f"{mode}: longest from such a call's end to its free slot", "s", [max(held)])
    yield Row(f"{mode}: outcomes other than the carrier's", "calls", [wrong])


def _lost(call: CallRecord) -> bool:
    return bool(call.callbacks) and all(entry.get("lost") for entry in call.callbacks)
