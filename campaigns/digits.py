"""People found by the last digits of their number: numbers are masked, so that is what an operator has."""

from typing import Any, TypeVar

from django.db.models import Model, QuerySet
from django.db.models.functions import Reverse

Row = TypeVar("Row", bound=Model)


def in_number(search: str) -> str:
    """The digits of a search for a number ("+91 98765…" or "4321"); '' when it is for something else."""
    digits = "".join(character for character in search if character not in " +-()")
    return digits if digits.isascii() and digits.isdecimal() else ""


def ending_in(rows: QuerySet[Row], digits: str) -> QuerySet[Row]:
    """The rows whose `phone` ends so. From the …_by_digits indexes, which hold numbers backwards (migration 0006)."""
    backwards: Any = rows.alias(backwards=Reverse("phone"))  # the stubs lose the row's type here
    found: QuerySet[Row] = backwards.filter(backwards__startswith=digits[::-1])
    return found
