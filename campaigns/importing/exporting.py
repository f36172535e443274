"""People of a list as the CSV that they came from: its columns in its order, and what later files have added."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

from django.db.models import QuerySet

from campaigns import spreadsheets
from campaigns.importing import headings
from campaigns.importing.options import Options
from campaigns.models import Contact, ContactImport, ContactList

PAGE = 2_000
Cell = Callable[[Contact], str]


@dataclass(frozen=True)
class Column:
    """A heading, and what of a person stands below it."""

    heading: str
    cell: Cell


def columns(contact_list: ContactList) -> list[Column]:
    """As in the first file of the list, then what others have added. A number and a name there are always."""
    found: dict[str, Column] = {}
    imports = list(contact_list.imports.filter(imported__gt=0).order_by("pk"))
    for each in imports:
        roles = _roles(each)
        for name in each.header:
            role, cell = roles.get(name, (f"column {name}", _variable(name)))
            if name in roles or name in contact_list.columns:
                found.setdefault(role, Column(name, cell))
    for name in contact_list.columns:
        found.setdefault(f"column {name}", Column(name, _variable(name)))
    found.setdefault("name", Column("Name", _name))
    found.setdefault("phone", Column("Phone", _phone))
    names = headings.unique([column.heading for column in found.values()])
    return [Column(name, column.cell) for name, column in zip(names, found.values(), strict=True)]


def _roles(contact_import: ContactImport) -> dict[str, tuple[str, Cell]]:
    """What columns of the file are no variables: by heading, what they are and where it stands."""
    options = Options.of(contact_import.options)
    others = {name: (f"number {place}", _other(place)) for place, name in enumerate(options.other_phones)}
    roles = {options.time_zone: ("zone", _zone), contact_import.name_column: ("name", _name), **others}
    roles.pop("", None)
    return {**roles, contact_import.phone_column: ("phone", _phone)}


def _phone(contact: Contact) -> str:
    return contact.phone


def _name(contact: Contact) -> str:
    return contact.name


def _zone(contact: Contact) -> str:
    return contact.time_zone


def _variable(name: str) -> Cell:
    return lambda contact: str(contact.variables.get(name, ""))


def _other(place: int) -> Cell:
    return lambda contact: contact.alternatives[place] if place < len(contact.alternatives) else ""


def csv_of(people: QuerySet[Contact], shown: Sequence[Column]) -> Iterator[str]:
    """CSV text, a page at a time by key, each in a short transaction. `people` are of one list, in its order.

    Whoever has left the list and was kept for the sake of a call is not in it: the file, uploaded again, would bring
    them back, even those who do not want to be called, whose column of consent still has their yes.
    Begins with a BOM, without which Excel reads UTF-8 as Western text. No cell is a formula: numbers, which begin with
    a plus, carry an apostrophe, and stay text in a spreadsheet; the importer takes it off.
    """
    yield spreadsheets.BOM + spreadsheets.written([[column.heading for column in shown]])
    last = 0
    while page := list(people.filter(pk__gt=last, kept=False)[:PAGE]):
        yield spreadsheets.written([column.cell(person) for column in shown] for person in page)
        last = page[-1].pk
