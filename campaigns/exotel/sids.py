"""One CallSid in several spellings: the developer guide prints `CA…` in a stream's start, and a bare Sid in answers."""

import re

_PREFIXES = re.compile(
    "^(?:ca)+(?=.)"
)  # all of them, so that a bare Sid of hexadecimal digits may itself begin with ca


def bare(sid: str) -> str:
    """What is the same in all spellings of a Sid: without case, and without a leading CA."""
    return _PREFIXES.sub("", sid.strip().lower())


def same_sid(a: str | None, b: str | None) -> bool:
    """Whether the two spell one Sid; an empty one is the same as nothing."""
    first = bare(a or "")
    return first != "" and first == bare(b or "")


def spellings(sid: str) -> list[str]:
    """How a Sid that came as `sid` may stand in the database, as it came first; few, for an index to be asked."""
    cases = [sid, sid.lower(), sid.upper()]
    shorter = [one[2:] for one in cases if one[:2].lower() == "ca" and len(one) > 2]
    return list(dict.fromkeys([*cases, *shorter, *(f"CA{one}" for one in cases + shorter)]))
