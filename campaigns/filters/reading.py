"""Conditions from an address, a form or a line of text. What is wrong is said with what it is about."""

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from django.http import QueryDict

from campaigns.filters.conditions import (
    CAMPAIGN,
    LONGEST,
    MOST,
    MOST_DIGITS,
    OPS,
    PERSON,
    PHONE,
    RANGES,
    VARIABLE,
    BadFilter,
    Condition,
    Field,
    Op,
    field_of,
    kind_of,
    op_of,
)
from campaigns.filters.saying import TO
from campaigns.importing import values
from campaigns.importing.values import DATE, NUMBER, TEXT
from campaigns.models import Campaign, ContactList

FIELD, OP, VALUE = "field", "op", "value"  # parameters; a row of the form gives one of each
_RANGE = re.compile(r"\s+(?:to|and)\s+|\s*(?:–|\.\.)\s*", re.IGNORECASE)


@dataclass(frozen=True)
class Row:
    """A row of the form as it was given."""

    field: str = ""
    op: str = ""
    value: str = ""


def rows_of(query: QueryDict, *, blank: bool = False) -> list[Row]:
    """The rows of an address or form; with `blank` empty ones, too."""
    fields, ops, given = (query.getlist(name) for name in (FIELD, OP, VALUE))
    ops, given = ([*column, *([""] * len(fields))] for column in (ops, given))
    rows = [Row(field.strip(), op.strip(), value.strip()) for field, op, value in zip(fields, ops, given, strict=False)]
    return [row for row in rows if blank or row.field or row.value]


def query_of(conditions: Iterable[Condition]) -> list[tuple[str, str]]:
    """The parameters of an address that shows the filter again."""
    return [pair for one in conditions for pair in ((FIELD, one.field), (OP, one.op), (VALUE, one.value))]


def parse(query: QueryDict, lists: Iterable[ContactList]) -> tuple[Condition, ...]:
    """The conditions of an address or form about the people of `lists`. Raises BadFilter with all that is wrong."""
    lists = list(lists)
    found: list[Condition] = []
    wrong: dict[int, str] = {}
    for place, row in enumerate(rows_of(query)):
        try:
            found.append(read(row, lists))
        except BadFilter as refused:
            wrong[place] = str(refused)
    if wrong:
        raise BadFilter(*wrong.values(), at=wrong)
    return check(found)


def check(conditions: Sequence[Condition]) -> tuple[Condition, ...]:
    """The same; raises BadFilter if they are too many, or ask about a campaign that is gone. At most one query."""
    if len(conditions) > MOST:
        raise BadFilter(f"At most {MOST} conditions can be asked for at once; these are {len(conditions)}.")
    asked = {one.campaign_id for one in conditions} - {0}
    known = set(Campaign.objects.filter(pk__in=asked, is_test=False).values_list("pk", flat=True)) if asked else set()
    if gone := sorted(asked - known):
        raise BadFilter(f"There is no campaign {gone[0]} (any more): choose another, or drop that condition.")
    return tuple(conditions)


def read(row: Row, lists: Sequence[ContactList]) -> Condition:
    """One row, its value made plain. Raises BadFilter."""
    field = field_of(row.field, lists)
    if field is None:
        raise BadFilter(_unknown(row.field.removeprefix(VARIABLE), lists))
    op = op_of(field.kind, row.op or OPS[field.kind][0].code)
    if op is None:
        raise BadFilter(f"{field.label}: there is no “{row.op[:40]}” for {_KINDS[field.kind]}.")
    return Condition(field.code, op.code, _value(field, op, row.value, lists) if op.takes else "")


_KINDS = {TEXT: "a text", NUMBER: "a number", DATE: "a date", PHONE: "a phone number", CAMPAIGN: "a campaign"}


def _unknown(name: str, lists: Sequence[ContactList]) -> str:
    if not name:
        return "Choose what is compared: a column, or a campaign."
    columns = sorted({column for one in lists for column in one.columns})
    known = ", ".join([*columns[:12], *(["…"] if len(columns) > 12 else [])]) or "none besides the person’s own"
    return f"No column of these lists is named “{name[:40]}” (there are: {known})."


# ----------------------------------------------------------------------------------------------------------- values
def _value(field: Field, op: Op, text: str, lists: Sequence[ContactList]) -> str:
    if not text:
        raise BadFilter(f"{field.label} {op.label} what? Write a value, or choose “is empty”.")
    if len(text) > LONGEST or "\x00" in text:
        raise BadFilter(f"{field.label}: a value has at most {LONGEST} characters that can be seen.")
    if field.kind == PHONE:
        return _phone(op, text)
    if field.kind == TEXT or op.code in ("contains", "lacks"):
        return _texts(field, text) if op.code == "one-of" else text
    return _compared(field, op, text, lists)


def _compared(field: Field, op: Op, text: str, lists: Sequence[ContactList]) -> str:
    """A number, a date, or two of them, plainly."""
    ends = _RANGE.split(text) if op.code in RANGES else [text]
    plain = [_plain(field, end, lists) for end in ends]
    if op.code in RANGES and len(plain) != 2:
        raise BadFilter(f"{field.label}: write both ends, like {_LIKE[field.kind]} to {_LIKE_END[field.kind]}.")
    return TO.join(plain)


_LIKE = {NUMBER: "5,000", DATE: "2026-03-05"}
_LIKE_END = {NUMBER: "10,000.50", DATE: "2026-04-01"}


def _plain(field: Field, text: str, lists: Sequence[ContactList]) -> str:
    read_cell = values.reading(field.kind, lists[0].region if lists else "")
    plain = read_cell(text) if read_cell else text
    if plain is None:
        kind, like = _KINDS[field.kind], _LIKE[field.kind]
        raise BadFilter(f"{field.label} is compared with {kind}, and “{text[:40]}” is none. Write it like {like}.")
    return plain


def _phone(op: Op, text: str) -> str:
    """Some digits of a number, after a + if it begins so."""
    part = "".join(char for char in text if char in "+0123456789")
    digits = part.removeprefix("+")
    if not digits or "+" in digits:
        raise BadFilter(f"Phone number {op.label} what? “{text[:40]}” is no part of a number.")
    if len(digits) > MOST_DIGITS:
        raise BadFilter(f"Phone number {op.label}: give at most {MOST_DIGITS} digits, no whole number.")
    return part


def _texts(field: Field, text: str) -> str:
    parts = [part.strip() for part in text.split(",") if part.strip()]
    if not parts:
        raise BadFilter(f"{field.label} is one of what? Write them with commas between, like Pune, Mumbai.")
    return ", ".join(parts)


# ------------------------------------------------------------------------------------------------------------- text
_SIGNS: Mapping[str, str] = {"=": "is", "==": "is", "!=": "is-not", "<>": "is-not", ">=": "ge", "<=": "le"}


def read_text(text: str, lists: Sequence[ContactList]) -> Condition:
    """A condition as one line, for the command line: `city = Pune`, `amount > 5000`, `name is not empty`,
    `due within 2026-03-01 to 2026-03-31`, `not answered in Diwali reminders`. Raises BadFilter."""
    asked = " ".join(text.split())
    if condition := _of_campaign(asked):
        return condition
    field, rest = _field_and_rest(asked, lists)
    code, value = _op_and_value(field, rest)
    return read(Row(field.code, code, value), lists)


def _of_campaign(text: str) -> Condition | None:
    """`answered in 12`, or `… in Diwali reminders`; None if the text is about something else."""
    for op in sorted(OPS[CAMPAIGN], key=lambda one: -len(one.words)):
        for words in (op.words, f"{op.code.replace('-', ' ')} in"):
            if text.lower().startswith(f"{words} "):
                return Condition(f"{CAMPAIGN}:{_campaign(text[len(words) :].strip())}", op.code)
    return None


def _campaign(name: str) -> int:
    name = re.sub(r"^campaign\s+", "", name, flags=re.IGNORECASE)
    named = Campaign.objects.filter(is_test=False)
    by_id = named.filter(pk=int(name)) if name.isascii() and name.isdecimal() and len(name) < 19 else named.none()
    found = list((by_id | named.filter(name=name)).values_list("pk", flat=True)[:2])
    if len(found) == 1:
        return found[0]
    told = "more than one; give its number" if found else "none"
    raise BadFilter(f"Which campaign is “{name[:60]}”? There is {told}.")


def _field_and_rest(text: str, lists: Sequence[ContactList]) -> tuple[Field, str]:
    """The field that the text begins with, the longest name first, and a column before a fact of the person."""
    names = dict.fromkeys(column for one in lists for column in one.columns)
    columns = [(name, Field(VARIABLE + name, name, kind_of(name, lists))) for name in names]
    own = [(word, field) for field in PERSON for word in dict.fromkeys((field.code, field.label))]
    for word, field in sorted([*columns, *own], key=lambda pair: -len(pair[0])):
        rest = text[len(word) :]
        if text.lower().startswith(word.lower()) and (rest[:1] in ("", " ") or not rest[0].isalnum()):
            return field, rest.strip()
    raise BadFilter(_unknown(re.split(r"\s+(?:is|contains|not|on)\b|\s*[=!<>≠≤≥]", text)[0], lists))


def _op_and_value(field: Field, rest: str) -> tuple[str, str]:
    """What `rest` begins with, the longest word first. "is over" and "is before" are "over" and "before"."""
    words: dict[str, str] = dict(_SIGNS)
    for kind in (NUMBER, DATE, TEXT, field.kind):
        words |= {word: op.code for op in OPS[kind] for word in (op.words, op.label, op.code) if word != "from"}
    words["is not"], words["is"], words["not"] = "is-not", "is", "is-not"
    rest = re.sub(r"^is (?=over |under |at |before |after |on |between |within )", "", rest, flags=re.IGNORECASE)
    for word in sorted(words, key=lambda one: -len(one)):
        after = rest[len(word) :]
        if rest.lower().startswith(word) and (not word[-1].isalpha() or after[:1] in ("", " ")):
            return words[word], after.strip()
    raise BadFilter(f"{field.label}: “{rest[:40]}” is not a comparison. Write it like {field.label} = Pune, or > 5000.")
