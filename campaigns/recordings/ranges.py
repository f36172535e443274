"""Which bytes of a file a browser asks for (RFC 9110, 14). Pure."""

import re
from dataclasses import dataclass

_RANGE = re.compile(r"bytes=[ \t]*([0-9]*)-([0-9]*)[ \t]*", re.IGNORECASE)
_BEYOND = 10**18  # further than any file goes


class Unsatisfiable(Exception):
    """The range lies outside the file: 416."""


@dataclass(frozen=True, slots=True)
class Span:
    """Bytes `first` to `last`, both included, as Content-Range counts them."""

    first: int
    last: int

    @property
    def length(self) -> int:
        return self.last - self.first + 1


def read_range(header: str | None, size: int) -> Span | None:
    """The span asked for of a file of `size` bytes; None for the whole file. Raises Unsatisfiable.

    A header of another unit, one that is malformed, and one that asks for several ranges are answered with the whole
    file, as the RFC allows.
    """
    found = _RANGE.fullmatch(header or "")
    if found is None or found.groups() == ("", ""):
        return None
    if not found[1]:
        return _suffix(_number(found[2]), size)
    first = _number(found[1])
    last = _number(found[2]) if found[2] else _BEYOND
    if last < first:
        return None
    if first >= size:
        raise Unsatisfiable
    return Span(first, min(last, size - 1))


def _suffix(length: int, size: int) -> Span:
    if not length or not size:
        raise Unsatisfiable
    return Span(max(0, size - length), size - 1)


def _number(digits: str) -> int:
    return int(digits) if len(digits) <= 18 else _BEYOND
