"""Where a call's recording may be: what callbacks, Passthru and call details said, each held against the allow list."""

from collections.abc import Iterable
from dataclasses import dataclass, field

from campaigns.models import CallAttempt, EventSource, ExotelAccount
from campaigns.recordings.addresses import NotAllowed, Target, vet

MOST = 8  # addresses kept of one call


@dataclass(frozen=True, slots=True)
class Candidate:
    """An address that somebody gave, and why it may not be fetched ('': it may)."""

    address: str = field(repr=False)
    source: str  # an EventSource
    verdict: str = ""
    target: Target | None = None


def judge(account: ExotelAccount, address: str, source: str) -> Candidate:
    """The candidate that an address is."""
    try:
        return Candidate(address, source, "", vet(account, address))
    except NotAllowed as refusal:
        return Candidate(address, source, str(refusal))


def candidates(attempt: CallAttempt) -> list[Candidate]:
    """Of a call with its account, newest first; the same address once."""
    found: dict[str, Candidate] = {}
    for address, source in _said(attempt):
        if address and address not in found:
            found[address] = judge(attempt.account, address, source)
    return list(found.values())[:MOST]


def as_json(found: Iterable[Candidate]) -> list[dict[str, str]]:
    return [{"address": one.address, "source": one.source, "verdict": one.verdict} for one in found]


def _said(attempt: CallAttempt) -> list[tuple[str, str]]:
    """(address, source), newest first. The attempt's own is the last that was believed for now."""
    events = attempt.events.filter(said__has_key="recording_url").order_by("-received_at", "-pk")
    said = [(str(said["recording_url"]), source) for said, source in events.values_list("said", "source")[: 4 * MOST]]
    own = attempt.recording_url
    source = next((source for address, source in said if address == own), EventSource.DETAILS.value)
    return [*said, (own, source)]
