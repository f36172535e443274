"""A finding of the doctor."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Check:
    """`state` is ok, warn or bad; `mend` says what to do, `code` is ready to copy."""

    state: str
    what: str
    detail: str = ""
    mend: str = ""
    code: str = ""
