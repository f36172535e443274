"""What can be asked of the people of some lists: a field, an operation of its kind, and a value. Pure.

A condition is text in three parts, so that it can stand in an address and in a row of the database:

    var:city      is          Pune            a column of the lists (here of text, else of numbers or dates)
    var:amount    gt          5000
    language      one-of      hi, mr          a fact of the person
    campaign:12   answered                    how a campaign went with whoever has this number

Numbers and dates are read as `campaigns.importing.values` reads them; a cell that cannot be read, or is empty, matches
no comparison, neither "=" nor "≠". Texts are compared without regard to capitals and to spaces around them, and an
empty text "is not" Pune. Several conditions must all be met. Of a phone number a part is asked for: whole numbers stay
out of addresses.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from campaigns.importing.values import DATE, NUMBER, TEXT
from campaigns.models import ContactList
from campaigns.refusals import NotAllowed

PHONE, CAMPAIGN = "phone", "campaign"
VARIABLE = "var:"
MOST = 12  # conditions at once
LONGEST = 200  # characters of a value
MOST_DIGITS = 8  # of a phone number


class BadFilter(NotAllowed):
    """A filter that cannot be understood; `problems` are sentences, `at` the same by the place of the row (0, 1 …)."""

    def __init__(self, *problems: str, at: Mapping[int, str] | None = None) -> None:
        super().__init__(*problems)
        self.at = at or {}


@dataclass(frozen=True)
class Condition:
    """`field` is the code of a field, `op` that of an operation of its kind, `value` plain: 5000, 2026-03-05."""

    field: str
    op: str
    value: str = ""

    @property
    def variable(self) -> str:
        """The column that it asks about; '' if it is none."""
        return self.field.removeprefix(VARIABLE) if self.field.startswith(VARIABLE) else ""

    @property
    def campaign_id(self) -> int:
        """The campaign whose answers it asks about; 0 if it asks about none."""
        return campaign_of(self.field)


@dataclass(frozen=True)
class Op:
    """`label` stands between field and value in a form, `words` in a sentence; `takes` a value or not."""

    code: str
    label: str
    words: str
    takes: bool = True


@dataclass(frozen=True)
class Field:
    """What can be asked about. `group` heads it in a form."""

    code: str
    label: str
    kind: str = TEXT
    group: str = ""


_ALWAYS = (
    Op("empty", "is empty", "is empty", takes=False),
    Op("filled", "is not empty", "is not empty", takes=False),
)
_CONTAINS = (
    Op("contains", "contains", "contains"),
    Op("lacks", "does not contain", "does not contain"),
)
OPS: Mapping[str, Sequence[Op]] = {
    TEXT: (
        Op("is", "is", "is"),
        Op("is-not", "is not", "is not"),
        Op("one-of", "is one of", "is one of"),
        *_CONTAINS,
        *_ALWAYS,
    ),
    NUMBER: (
        Op("eq", "=", "is"),
        Op("ne", "≠", "is not"),
        Op("lt", "<", "under"),
        Op("le", "≤", "at most"),
        Op("gt", ">", "over"),
        Op("ge", "≥", "at least"),
        Op("between", "between", "from"),
        *_ALWAYS,
    ),
    DATE: (
        Op("on", "on", "is"),
        Op("not-on", "not on", "is not"),
        Op("before", "before", "before"),
        Op("after", "after", "after"),
        Op("until", "on or before", "on or before"),
        Op("since", "on or after", "on or after"),
        Op("within", "between", "from"),
        *_ALWAYS,
    ),
    PHONE: (
        Op("starts", "begins with", "begins with"),
        Op("ends", "ends with", "ends with"),
        *_CONTAINS,
    ),
    CAMPAIGN: (
        Op("answered", "answered", "answered in", takes=False),
        Op("not-answered", "called, not answered", "called and not answered in", takes=False),
        Op("not-called", "not called", "not called in", takes=False),
        Op("called", "called", "called in", takes=False),
        Op("no-answer", "no answer at last", "no answer at last in", takes=False),
        Op("busy", "busy at last", "busy at last in", takes=False),
        Op("failed", "failed at last", "failed at last in", takes=False),
        Op("uncertain", "uncertain", "uncertain in", takes=False),
        Op("goal", "reached the goal", "reached the goal in", takes=False),
        Op("not-goal", "did not reach the goal", "answered without reaching the goal in", takes=False),
        Op("objection", "objected", "objected in", takes=False),
    ),
}
RANGES = ("between", "within")
# What is asked in the word of another kind is taken for the like word of this one: "is" of a number is "=".
ALIKE: Sequence[Mapping[str, str]] = (
    {TEXT: "is", NUMBER: "eq", DATE: "on"},
    {TEXT: "is-not", NUMBER: "ne", DATE: "not-on"},
    {NUMBER: "lt", DATE: "before"},
    {NUMBER: "gt", DATE: "after"},
    {NUMBER: "le", DATE: "until"},
    {NUMBER: "ge", DATE: "since"},
    {NUMBER: "between", DATE: "within"},
)
PERSON = (
    Field("name", "Name", group="Person"),
    Field("phone", "Phone number", PHONE, "Person"),
    Field("external_id", "External id", group="Person"),
    Field("language", "Language", group="Person"),
    Field("zone", "Time zone", group="Person"),
    Field("consent", "Consent", group="Person"),
)
_PERSON = {field.code: field for field in PERSON}


# ----------------------------------------------------------------------------------------------------------- fields
def fields_of(lists: Iterable[ContactList], campaigns: Iterable[tuple[int, str]] = ()) -> list[Field]:
    """All that can be asked of the people of `lists`; `campaigns` as (id, name)."""
    lists = list(lists)
    columns = dict.fromkeys(column for one in lists for column in one.columns)
    return [
        *PERSON,
        *(Field(VARIABLE + name, name, kind_of(name, lists), "Columns") for name in columns),
        *(Field(f"{CAMPAIGN}:{pk}", name, CAMPAIGN, "Calls in a campaign") for pk, name in campaigns),
    ]


def field_of(code: str, lists: Iterable[ContactList]) -> Field | None:
    """The field with this code; None if the lists have no such column."""
    if pk := campaign_of(code):
        return Field(code, f"campaign {pk}", CAMPAIGN)
    if not code.startswith(VARIABLE):
        return _PERSON.get(code)
    lists = list(lists)
    name = code.removeprefix(VARIABLE)
    known = any(name in one.columns for one in lists)
    return Field(code, name, kind_of(name, lists), "Columns") if known else None


def kind_of(column: str, lists: Iterable[ContactList]) -> str:
    """The kind of a column: as the lists say that have it; text where one says number and another date."""
    kinds = {one.types.get(column, TEXT) for one in lists if column in one.columns} - {TEXT}
    return kinds.pop() if len(kinds) == 1 else TEXT


def campaign_of(code: str) -> int:
    """The campaign of a field's code; 0 if it is not of one."""
    kind, _, pk = code.partition(":")
    return int(pk) if kind == CAMPAIGN and pk.isascii() and pk.isdecimal() and len(pk) < 19 else 0


def op_of(kind: str, code: str) -> Op | None:
    """The operation of this kind with this code, or with one of a like meaning; None if there is none."""
    alike = next((words for words in ALIKE if code in words.values() and kind in words), {kind: code})
    return next((op for op in OPS[kind] if op.code == alike[kind]), None)


def words_of(condition: Condition) -> Op:
    """The operation of a condition that was read once."""
    return _BY_CODE[condition.op]


_BY_CODE = {op.code: op for ops in OPS.values() for op in ops}


# ---------------------------------------------------------------------------------------------------------- storing
def to_json(conditions: Iterable[Condition]) -> list[list[str]]:
    """[[field, op, value], …]"""
    return [[one.field, one.op, one.value] for one in conditions]


def from_json(rows: Iterable[Sequence[Any]]) -> tuple[Condition, ...]:
    """The conditions of rows that `to_json` made."""
    return tuple(Condition(str(field), str(op), str(value)) for field, op, value in rows)
