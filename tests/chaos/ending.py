"""What must hold once the faults are over and the campaigns have come to their end: our tables against the ledger."""

import time
from collections import Counter, defaultdict
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from dialer.simulator.ledger import CallRecord, Ledger
from tests.chaos.crowd import KINDS, Crowd, Kind
from tests.product.running import OUTCOME_OF, Product

FREE_WITHIN = 60.0  # seconds
ATTEMPTS = """
    SELECT attempt.id, campaign.name, attempt.phone, attempt.state, attempt.outcome, attempt.sid, attempt.ordinal,
        attempt.slot_released_at IS NULL, contact.state, contact.reason_code, contact.last_outcome,
        attempt.ordinal = (SELECT max(ordinal) FROM campaigns_callattempt AS other
                           WHERE other.campaign_contact_id = contact.id AND other.outcome <> '')
    FROM campaigns_callattempt AS attempt
    JOIN campaigns_campaigncontact AS contact ON contact.id = attempt.campaign_contact_id
    JOIN campaigns_campaign AS campaign ON campaign.id = attempt.campaign_id"""
CONTACTS = """
    SELECT campaign.name, contact.state, contact.reason_code, count(*) FROM campaigns_campaigncontact AS contact
    JOIN campaigns_campaign AS campaign ON campaign.id = contact.campaign_id GROUP BY 1, 2, 3"""
EVENTS = """
    SELECT call_sid, sum(copies), count(*) FILTER (WHERE applied_at IS NULL) FROM campaigns_callevent
    WHERE source = 'callback' GROUP BY 1"""


@dataclass(frozen=True)
class Attempt:
    pk: int
    campaign: str
    phone: str
    state: str
    outcome: str
    sid: str | None
    ordinal: int
    holds_slot: bool
    contact_state: str
    contact_reason: str
    last_outcome: str
    last: bool


def attempts_of(product: Product) -> list[Attempt]:
    return [Attempt(*row) for row in product.query(ATTEMPTS)]


# People who wait in line, and how many of them behind a call of unknown fate in another campaign, by campaign.
IN_LINE = """
    SELECT campaign.name, count(*), count(*) FILTER (WHERE EXISTS (
        SELECT 1 FROM campaigns_callattempt AS elsewhere WHERE elsewhere.phone = waiting.phone
        AND elsewhere.state = 'unknown' AND elsewhere.campaign_id <> waiting.campaign_id))
    FROM campaigns_campaigncontact AS waiting JOIN campaigns_campaign AS campaign ON campaign.id = waiting.campaign_id
    WHERE waiting.state IN ('pending', 'retry') GROUP BY 1"""


def unfinished(product: Product, *, proof: bool) -> list[str]:
    """What a run still waits for, in words; empty when it has come to its end. Cheap: asked again and again.

    Without `proof` a call that was never made stays unknown, and whoever it is about waits in other campaigns.
    """
    blocked = set() if proof else {name for name, waiting, behind in product.query(IN_LINE) if waiting == behind}
    found = [
        f"{name} is {status}"
        for name, status in product.query("SELECT name, status FROM campaigns_campaign WHERE status <> 'completed'")
        if not _kind(name).closed and (status != "running" or name not in blocked)
    ]
    states = "state IN ('dialing', 'placed', 'answered'" + (", 'unknown')" if proof else ")")
    found += [f"{n} attempts are {s}" for s, n in _counted(product, states)]
    held = product.query(
        "SELECT count(*) FROM campaigns_callattempt WHERE slot_released_at IS NULL AND state = 'ended'"
    )
    return found + [f"{n} slots are held by calls that ended" for (n,) in held if n]


def leaked(product: Product, over_since: Mapping[str, float], struck: float) -> Iterator[tuple[str, str]]:
    """I8: a slot is free a minute after the carrier has ended the call, or after the last fault at `struck`."""
    now = time.time()
    for (sid,) in product.query("SELECT sid FROM campaigns_callattempt WHERE slot_released_at IS NULL AND sid <> ''"):
        if now - max(over_since.get(sid, now), struck) > FREE_WITHIN:
            yield "I8", f"call {sid} holds its slot {FREE_WITHIN:g} s after its end"


def _counted(product: Product, which: str) -> list[tuple[str, int]]:
    rows = product.query(f"SELECT state, count(*) FROM campaigns_callattempt WHERE {which} GROUP BY 1")
    return [(state, number) for state, number in rows]


def _kind(name: str) -> Kind:
    return next(kind for kind in KINDS if kind.name == name)


def wrongs(product: Product, crowd: Crowd, *, proof: bool) -> Iterator[tuple[str, str]]:
    """(invariant, what is wrong) for each thing that is; `proof` False forgives unknown calls that never were."""
    ledger, attempts = product.ledger(), attempts_of(product)
    yield from _known(ledger, attempts)
    yield from _outcomes(ledger, attempts)
    yield from _people(product, crowd, attempts, proof=proof)
    yield from _ordinals(attempts)
    yield from _callbacks(product, ledger)
    yield from _figures(product)
    open_ones = [one for one in attempts if one.state in ("dialing", "placed", "answered")]
    placed = _placed(ledger)
    open_ones += [one for one in attempts if one.state == "unknown" and (proof or one.pk in placed)]
    yield from (("I16", f"attempt {one.pk} to {one.phone} is still {one.state}") for one in open_ones)
    slots = [one for one in attempts if one.holds_slot and (proof or one.state != "unknown")]
    yield from (("I16", f"attempt {one.pk} ({one.state}) still holds a slot") for one in slots)


def _placed(ledger: Ledger) -> set[int]:
    """Attempts with a call, by the CustomField that the carrier got: key.campaign-attempt.signature."""
    marks = [(call.custom_field or "").split(".") for call in ledger.calls.values()]
    return {int(mark[1].split("-")[1]) for mark in marks if len(mark) == 3}


def _known(ledger: Ledger, attempts: list[Attempt]) -> Iterator[tuple[str, str]]:
    """I3, I4: every call of the ledger is an attempt's, and every placed attempt is in the ledger."""
    sids = {one.sid for one in attempts}
    yield from (
        ("I3", f"call {sid} to {call.number} is unknown to us") for sid, call in ledger.calls.items() if sid not in sids
    )
    for one in attempts:
        if one.state in ("placed", "answered", "ended") and one.sid not in ledger.calls:
            yield "I4", f"attempt {one.pk} ({one.state}) was never a call"
        if one.state == "refused" and one.sid in ledger.calls:
            yield "I4", f"attempt {one.pk} counts as refused, and is call {one.sid}"


def _outcomes(ledger: Ledger, attempts: list[Attempt]) -> Iterator[tuple[str, str]]:
    """I5: one outcome a call, and it is the carrier's."""
    for one in attempts:
        call: CallRecord | None = ledger.calls.get(one.sid or "")
        if call is None or call.ended is None:
            continue
        true = OUTCOME_OF[call.status]
        if one.state == "ended" and one.outcome != true:
            yield "I5", f"attempt {one.pk} ended as {one.outcome}, the carrier says {true}"
        if one.last and one.contact_state in ("done", "retry") and one.outcome and one.last_outcome != one.outcome:
            yield "I5", f"{one.phone} shows {one.last_outcome}, the last call ended as {one.outcome}"


def _people(product: Product, crowd: Crowd, attempts: list[Attempt], *, proof: bool) -> Iterator[tuple[str, str]]:
    """I12: everybody of the file is in exactly one final state."""
    counts: dict[str, Counter[tuple[str, str]]] = defaultdict(Counter)
    for name, state, reason, number in product.query(CONTACTS):
        counts[name][state, reason] = number
    behind = {} if proof else {name: behind for name, _, behind in product.query(IN_LINE)}
    for kind in KINDS:
        there, expected = counts[kind.name].total(), len(set(crowd.people[kind.name]))
        if there != expected:
            yield "I12", f"{kind.name}: {expected} people were imported, {there} are there"
        for (state, reason), number in counts[kind.name].items():
            excused = reason == "in-call-elsewhere" and number <= behind.get(kind.name, 0)
            if not excused and not _final(kind, state, reason, proof=proof):
                yield "I12", f"{kind.name}: {number} people are {state} ({reason or 'no reason'})"
    for one in attempts:
        if one.last and one.state == "ended" and one.contact_state == "pending":
            yield "I12", f"{one.phone} was rung and waits as if it had not been"


def _final(kind: Kind, state: str, reason: str, *, proof: bool) -> bool:
    if kind.closed:
        return state == "pending"
    if state == "uncertain":
        return not proof or (kind.policy != "never" and reason == "not-placed")
    return state in ("done", "skipped")


def pace(product: Product, rate: float) -> Iterator[tuple[str, str]]:
    """I6 by our own clock, which no late process can bend: intents of any sliding second are the pace and one."""
    at = [when.timestamp() for (when,) in product.query("SELECT intent_at FROM campaigns_callattempt ORDER BY 1")]
    first = 0
    for last, when in enumerate(at):
        while when - at[first] >= 1.0:
            first += 1
        if last - first + 1 > rate + 1:
            yield "I6", f"{last - first + 1} intents in a second, {rate:g} are set"


def _ordinals(attempts: list[Attempt]) -> Iterator[tuple[str, str]]:
    """I14: attempts of a person are numbered without a gap."""
    of: dict[tuple[str, str], list[int]] = defaultdict(list)
    for one in attempts:
        of[one.campaign, one.phone].append(one.ordinal)
    for (campaign, phone), found in of.items():
        if sorted(found) != list(range(1, len(found) + 1)):
            yield "I14", f"{campaign}: the attempts to {phone} are numbered {sorted(found)}"


def _callbacks(product: Product, ledger: Ledger) -> Iterator[tuple[str, str]]:
    """I19, I20: what was answered 200 is stored, and what is stored is applied."""
    stored: Mapping[str, tuple[int, int]] = {sid: (copies, waiting) for sid, copies, waiting in product.query(EVENTS)}
    for sid, call in ledger.calls.items():
        told = sum(1 for callback in call.callbacks if callback["status"] == 200)
        copies, waiting = stored.get(sid, (0, 0))
        if copies < told:
            yield "I19", f"{told} callbacks of call {sid} were answered 200, {copies} are stored"
        if waiting:
            yield "I20", f"{waiting} callbacks of call {sid} are not applied"


def _figures(product: Product) -> Iterator[tuple[str, str]]:
    """I18: what the status says is what the rows say."""
    for campaign, name in product.query("SELECT id, name FROM campaigns_campaign"):
        rows = product.query(
            "SELECT state, count(*) FROM campaigns_campaigncontact WHERE campaign_id = %s GROUP BY 1", campaign
        )
        shown = {state: number for state, number in product.status(campaign)["contacts"].items() if number}
        if shown != dict(rows):
            yield "I18", f"{name}: the status shows {shown}, the rows are {dict(rows)}"
