"""Words of a refusal that mean "too many calls at once": the account's fault or nobody's, never the person's.

Exotel limits the channels of an account and of each ExoPhone, ringing calls counted, and answers "with an error" above
it (exotel-wire 1, told on one page). Nobody has captured that error, neither its status nor its words: all of this is
a guess, made so that a wrong one costs time and no person.
"""

import re

# Each names the calls, not just a limit: a text or a duration that is too long is the request's own fault.
_OF_CALLS = (
    r"\bconcurren\w*.{0,20}\b(calls?|channels?|limit)\b",
    r"\b(calls?|limit)\b.{0,20}\bconcurren",
    r"\bsimultaneous\b",
    r"\b(calls?|channels?)\b.{0,20}\blimit\b",
    r"\blimit\b.{0,20}\b(calls|channels)\b",
    r"\bchannels?\b.{0,40}\b(busy|full|exceeded|reached|exhausted|available|in use)\b",
    r"\b(no|too many|max\w*)\b.{0,20}\bchannels?\b",
    r"\b(too many|max\w* number of)\b.{0,20}\bcalls\b",
)
_CALLS = re.compile("|".join(_OF_CALLS), re.IGNORECASE)
# A pace, a day's allowance, a field or a person: not the calls that go on at once.
_AT_ONCE = re.compile(r"\bconcurren|\bsimultaneous\b", re.IGNORECASE)
_ELSE = re.compile(
    r"\bper (second|minute|hour|day)\b|\b(rate|api|requests?|daily|duration|time ?limit|KYC|N?DNC|DND)\b", re.IGNORECASE
)
_CAPACITY = re.compile(r"\bcapacity\b", re.IGNORECASE)  # of what? On a 503 perhaps of the server that took the request
_OTHERS = frozenset({401, 402, 404, 408})  # these say something else, or nothing
_UNSURE = frozenset({409, 503})  # without Exotel's own refusal in the body a call may exist behind them


def too_many_calls(http_status: int, message: str, *, explicit: bool) -> bool:
    """Whether a refusal in these words is for want of room. `explicit`: the body is Exotel's own RestException."""
    if _ELSE.search(message) and not _AT_ONCE.search(message):
        return False
    if http_status in _UNSURE:
        return explicit and bool(_CALLS.search(message))
    if not 400 <= http_status < 500 or http_status in _OTHERS:
        return False
    return bool(_CALLS.search(message) or _CAPACITY.search(message))
