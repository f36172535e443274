"""Whom a run has lost: everybody is owed a call, and who was not reached a second one, unless the run knows why not.

Judged by the carrier's ledger and by what the run itself did. Of our tables only what they say of who was *not* rung
is read, and it is not believed: a reason counts where the ledger, the operator or a fault bears it out.
"""

from collections import defaultdict
from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass, field

from dialer.simulator.ledger import CallRecord, Ledger
from tests.chaos.crowd import KINDS, Crowd, Kind
from tests.chaos.judge import campaign_of
from tests.product.running import Product

AGAIN = frozenset({"busy", "no-answer", "failed"})  # how a call ends that the retry rule makes again
NEVER = {("skipped", "not-placed"), ("uncertain", "not-placed")}  # proven absent, by the campaign's policy
UNSURE = ("uncertain", "unknown")  # while no proof was waited for
REFUSALS = {403: ("skipped", "ndnc"), 400: ("done", "invalid-request")}
NOBODY_THERE = frozenset({503, 409, 0})  # answered so, or not at all, without a call: unknown until it is proven absent
BEFORE, AFTER = 20.0, 60.0  # seconds around a fault within which a request may have been lost to it

PEOPLE = "SELECT campaign_id, phone, state, reason_code FROM campaigns_campaigncontact"
LOST = """
    SELECT campaign_id, phone, extract(epoch FROM intent_at) FROM campaigns_callattempt
    WHERE state = 'unknown' OR (state = 'refused' AND reason_code = 'not-placed')"""

Key = tuple[str, str]  # campaign's name, ten digits


@dataclass
class Known:
    """What the run knows: who may be on the do-not-call list, and when faults struck (seconds since the epoch)."""

    suppressed: Collection[str] = ()
    struck: list[float] = field(default_factory=list)

    def was_struck(self, at: float) -> bool:
        return any(when - BEFORE <= at <= when + AFTER for when in self.struck)


@dataclass
class Facts:
    """By campaign and number: the calls in order, the refusals' statuses, what our tables say, requests that no call
    came of (when they were granted)."""

    calls: Mapping[Key, list[CallRecord]]
    refused: Mapping[Key, list[int]]
    told: Mapping[Key, tuple[str, str]]
    lost: Mapping[Key, list[float]]


def gather(product: Product, ledger: Ledger, names: Mapping[str, str]) -> Facts:
    """`names` are the campaigns' by their ids."""
    calls: dict[Key, list[CallRecord]] = defaultdict(list)
    refused: dict[Key, list[int]] = defaultdict(list)
    for call in sorted(ledger.calls.values(), key=lambda call: call.began_at):
        calls[names.get(campaign_of(call.custom_field), ""), call.number[-10:]].append(call)
    for entry in ledger.of("refused"):
        name = names.get(campaign_of(entry["custom_field"]), "")
        refused[name, (entry["from"] or "")[-10:]].append(entry["status"])
    told = {(names[str(pk)], phone[-10:]): (state, reason) for pk, phone, state, reason in product.query(PEOPLE)}
    lost: dict[Key, list[float]] = defaultdict(list)
    for pk, phone, at in product.query(LOST):
        lost[names[str(pk)], phone[-10:]].append(float(at))
    return Facts(calls, refused, told, lost)


def wrongs(facts: Facts, crowd: Crowd, known: Known, *, proof: bool) -> Iterator[tuple[str, str]]:
    """I12 and I14 by the ledger, person by person."""
    for kind in KINDS:
        for number in set(crowd.people[kind.name]) if not kind.closed else ():
            yield from _person(kind, number, facts, known, proof=proof)


def _person(kind: Kind, number: str, facts: Facts, known: Known, *, proof: bool) -> Iterator[tuple[str, str]]:
    key = (kind.name, number)
    calls, told = facts.calls.get(key, []), facts.told.get(key, ("", ""))
    if not calls and not _explained(kind, key, facts, known, proof=proof):
        yield "I12", f"{kind.name}: {number} was never rung, and nothing that happened explains it ({_words(told)})"
    for call in calls[:-1]:
        if call.status not in AGAIN:
            yield "I14", f"{kind.name}: {number} was rung again although the call before ended as {call.status}"
    owed = calls and calls[-1].status in AGAIN and len(calls) < kind.tries
    if owed and not _explained(kind, key, facts, known, proof=proof):
        yield "I12", f"{kind.name}: {number} is owed another call after {calls[-1].status} ({_words(told)})"


def _explained(kind: Kind, key: Key, facts: Facts, known: Known, *, proof: bool) -> bool:
    """Whether somebody who was not rung (again) rightly was not."""
    told = facts.told.get(key, ("", ""))
    if told == ("skipped", "suppressed") and key[1] in known.suppressed:
        return True
    if any(REFUSALS.get(status) == told for status in facts.refused.get(key, ())):
        return True
    by_policy = kind.policy != "redial" or len(facts.lost.get(key, ())) > 1  # dialled again by itself once
    if (told in NEVER and by_policy) or (told == UNSURE and not proof):
        return _no_call_came(key, facts, known)
    return not proof and told[0] in ("pending", "retry") and _waits_elsewhere(key, facts)


def _no_call_came(key: Key, facts: Facts, known: Known) -> bool:
    """The carrier spoiled the request without a call, or it was on its way when something broke."""
    fated = not NOBODY_THERE.isdisjoint(facts.refused.get(key, ()))
    return key in facts.lost and (fated or any(known.was_struck(at) for at in facts.lost[key]))


def _waits_elsewhere(key: Key, facts: Facts) -> bool:
    """Another campaign does not know yet whether it rang this person, and no proof was waited for."""
    return any(number == key[1] and name != key[0] for name, number in facts.lost)


def _words(told: tuple[str, str]) -> str:
    return ", ".join(filter(None, told)) or "not in the campaign"
