"""Which attempt a flow's request or stream is about, when its address names only the account.

The signed id in CustomField decides; without one of ours the CallSid does, however spelled. Nothing that contradicts is
matched: a CustomField of another account, or with a CallSid that another attempt has, belongs to nobody. A CallSid that
nobody has contradicts nothing: Exotel prints other ones in a stream's start than in its answers.
"""

from collections.abc import Iterable
from dataclasses import dataclass

from campaigns import tokens
from campaigns.exotel.sids import same_sid, spellings
from campaigns.models import CallAttempt

UNKNOWN_CALL = "its CallSid is of no call of this account"
OTHER_ACCOUNT = "its CustomField is of another account"
CROSSED = "its CustomField and its CallSid name different calls"
GONE = "its attempt is gone"
NO_CALL = "it names no call"


@dataclass(frozen=True)
class Match:
    """`attempt_id`, or None with `note` saying why. `early`: our POST's answer may still bring the CallSid."""

    attempt_id: int | None
    note: str = ""
    early: bool = False


def named(texts: Iterable[str]) -> int | None:
    """The attempt that one of the texts names with our signature: a CustomField as a value, or alone as a key."""
    for text in texts:
        try:
            _, _, attempt_id = tokens.read("custom-field", text.strip()).partition("-")
            return int(attempt_id)
        except tokens.Forged:
            continue
    return None


def find(account_id: int, texts: Iterable[str], call_sid: str) -> Match:
    """The attempt of this account that is meant; at most two queries."""
    attempt_id = named(texts)
    if attempt_id is not None:
        return _checked(account_id, attempt_id, call_sid)
    if not call_sid:
        return Match(None, NO_CALL)
    known = whose(account_id, call_sid)
    return Match(known) if known is not None else Match(None, UNKNOWN_CALL, early=True)


def _checked(account_id: int, attempt_id: int, call_sid: str) -> Match:
    attempt = CallAttempt.objects.filter(pk=attempt_id).values("account_id", "sid").first()
    if attempt is None:
        return Match(None, GONE)
    if attempt["account_id"] != account_id:
        return Match(None, OTHER_ACCOUNT)
    if call_sid and not same_sid(attempt["sid"], call_sid) and is_anothers(account_id, attempt_id, call_sid):
        return Match(None, CROSSED)
    return Match(attempt_id)


def whose(account_id: int, call_sid: str) -> int | None:
    """The account's attempt that has this CallSid, in this spelling or another; one query."""
    spelled = spellings(call_sid)
    rows = CallAttempt.objects.filter(account_id=account_id, sid__in=spelled)
    known = dict(rows.values_list("sid", "pk"))
    return next((known[one] for one in spelled if one in known), None)


def is_anothers(account_id: int, attempt_id: int, call_sid: str) -> bool:
    """Whether another attempt of the account has this CallSid."""
    return whose(account_id, call_sid) not in (None, attempt_id)
