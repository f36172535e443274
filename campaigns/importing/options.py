"""What an operator chooses for one file beside the columns of numbers and names. Stored with the import, as JSON."""

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, replace
from typing import Any

FLAG, REJECT = "flag", "reject"
APPEND, MERGE, REPLACE = "append", "merge", "replace"
BY_PHONE, BY_ID = "phone", "id"
OTHER_PHONES = 2  # beside the first: three numbers of one person
ROLES = ("phone", "other-phone", "name", "zone", "language", "id", "consent", "text", "number", "date")
_NAMED = {"zone": "time_zone", "language": "language", "id": "external_id", "consent": "consent"}


@dataclass(frozen=True)
class Options:
    """Names of columns ('' = none), and how rows are judged.

    `other_phones` are tried in their order when the first column holds no number to dial, and kept beside it when it
    does. `types` are the kinds (campaigns.importing.values) of the other columns; one that is not named is text.
    `wrong_values` says what becomes of a row with a value that is not of its column's kind.
    `how`: people who are on the list already stay as they are (append), or are brought up to date (merge); with replace
    whoever is not in the file leaves the list besides. `match_by` says what makes them the same person. At most
    `leaving` people may leave where more would leave than stay.
    """

    other_phones: tuple[str, ...] = ()
    time_zone: str = ""
    language: str = ""
    external_id: str = ""
    consent: str = ""
    types: Mapping[str, str] = field(default_factory=dict)
    only_mobiles: bool = False
    wrong_values: str = FLAG
    how: str = APPEND
    match_by: str = BY_PHONE
    leaving: int = 0

    @classmethod
    def of(cls, stored: Mapping[str, Any]) -> "Options":
        """As `stored` has written them."""
        return cls(**{**stored, "other_phones": tuple(stored.get("other_phones", ()))})

    def stored(self) -> dict[str, Any]:
        """As the import keeps them."""
        return asdict(self)

    def without(self, column: str) -> "Options":
        """The same, with the column as text."""
        kept: dict[str, Any] = {name: "" for name in _NAMED.values() if getattr(self, name) == column}
        return replace(
            self,
            other_phones=tuple(name for name in self.other_phones if name != column),
            types={name: kind for name, kind in self.types.items() if name != column},
            **kept,
        )

    def having(self, column: str, role: str) -> "Options":
        """The same, with the column in one of ROLES beside "phone" and "name"."""
        if role == "other-phone":
            return replace(self, other_phones=(*self.other_phones, column)[:OTHER_PHONES])
        if role in _NAMED:
            named: dict[str, Any] = {_NAMED[role]: column}
            return replace(self, **named)
        return self if role == "text" else replace(self, types={**self.types, column: role})

    def columns(self) -> list[str]:
        """All columns that they name."""
        named = (*self.other_phones, self.time_zone, self.language, self.external_id, self.consent, *self.types)
        return [name for name in named if name]
