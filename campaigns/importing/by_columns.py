"""A batch of rows to the people in it as COPY takes them, column by column. Pure.

Most rows are alike: a number in a common shape, and values that are what their column holds. Their cells are cleaned a
column at a time, by steps that are one call for all of them. Each other row is read by `people.person`, whose word
counts for all: `tests/importing/test_by_columns.py` holds both together.
"""

import json
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from functools import cached_property, partial
from itertools import chain, compress, repeat
from json.encoder import encode_basestring

from campaigns.importing import fast_phones, people
from campaigns.importing.people import LONGEST_NAME, LONGEST_WORD, BadRow, Columns, Person
from campaigns.importing.phone_results import Kind
from campaigns.importing.phone_zones import known_zones
from campaigns.importing.records import Batch, Row
from campaigns.importing.values import Reading

COLUMNS = "line, phone, name, time_zone, variables, alternatives, language, external_id, consent, flag"
_NOT_READ: fast_phones.Found = ("", "", "", Kind.EITHER)


@dataclass(frozen=True)
class Read:
    """Who stands in some rows, and who does not. Beside each other: lines and cells of the rows of people, their
    numbers, what was repaired in these, and a line for COPY (of COLUMNS, without its end). `flagged` are those of them
    with a value that is not of its column."""

    lines: list[int] = field(default_factory=list)
    cells: list[list[str]] = field(default_factory=list)
    phones: list[str] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)
    staged: list[str] = field(default_factory=list)
    flagged: list[Person] = field(default_factory=list)
    bad: list[tuple[BadRow, Row]] = field(default_factory=list)

    def add(self, more: "Read") -> None:
        """With those of rows further down."""
        for known, new in zip(vars(self).values(), vars(more).values(), strict=True):
            known.extend(new)


def read(batch: Batch, columns: Columns) -> Read:
    """Who stands in the rows of the batch."""
    if not len(batch):
        return Read()
    table = _Table(batch, columns)
    numbers, zones, notes = table.phones()
    staged = table.staged(numbers, zones)
    one_by_one = Read()
    wanted = bytearray(b"\1") * len(batch)
    for place in sorted(table.odd):
        one = _read_one(batch, place, columns, one_by_one)
        if one is None:
            wanted[place] = 0
        else:
            numbers[place], notes[place], staged[place] = one.phone, one.note, line_of(one, columns)
    lines, cells = list(compress(batch.lines, wanted)), list(compress(batch.cells, wanted))
    numbers, notes, staged = [list(compress(each, wanted)) for each in (numbers, notes, staged)]
    return Read(lines, cells, numbers, notes, staged, one_by_one.flagged, one_by_one.bad)


def _read_one(batch: Batch, place: int, columns: Columns, found: Read) -> Person | None:
    row = Row(batch.lines[place], batch.cells[place], batch.problems.get(place, ""))
    one = people.person(row, columns)
    if isinstance(one, BadRow):
        found.bad.append((one, row))
        return None
    if one.wrong[0]:
        found.flagged.append(one)
    return one


def line_of(one: Person, columns: Columns) -> str:
    """A person as COPY takes them: no value holds a tab or a line's end, so that only backslashes need another."""
    pairs = zip(columns.extra, one.values, strict=True)
    variables = ", ".join([f"{encode_basestring(name)}: {encode_basestring(value)}" for name, value in pairs])
    return _escaped(
        f"{one.line}\t{one.phone}\t{one.name}\t{one.time_zone}\t{{{variables}}}\t{_list(one.others)}"
        f"\t{one.language}\t{one.external_id}\t{one.consent}\t{one.flag}"
    )


def _escaped(text: str) -> str:
    return text.replace("\\", "\\\\")


class _Texts:
    """The cells of one column, cleaned as `people.text_of` cleans one."""

    def __init__(self, cells: Iterable[str]) -> None:
        self.texts = list(map(str.strip, cells))
        whole = "".join(self.texts)
        if "'" in whole:
            self.texts = [people.text_of(text) if text[:1] == "'" else text for text in self.texts]
            whole = "".join(self.texts)
        self._printable = whole.isprintable()  # then a space is the only blank in it
        self._spaced = self._printable and "  " not in whole
        self._slashed = "\\" in whole
        self._plain = self._printable and not self._slashed and '"' not in whole

    @cached_property
    def quoted(self) -> list[str]:
        """What stands between the quotation marks of a JSON text, for COPY."""
        if self._plain:
            return self.texts
        return [_escaped(encode_basestring(text)[1:-1]) for text in self.texts]

    def words(self, longest: int) -> list[str]:
        """With one blank between words, and cut."""
        words = self.texts if self._spaced else [" ".join(text.split()) for text in self.texts]
        return [word[:longest] for word in words] if max(map(len, words)) > longest else words

    def copied(self, longest: int) -> list[str]:
        """`words` for COPY."""
        words = self.words(longest)
        return list(map(_escaped, words)) if self._slashed else words


class _Table:
    """A batch, turned: a tuple of cells for each column. `odd` are the places of rows to be read one by one."""

    def __init__(self, batch: Batch, columns: Columns) -> None:
        self.batch, self.columns = batch, columns
        self.odd = set(batch.problems)
        self.turned = list(zip(*self._even(len(columns.header)), strict=True))
        self._known: dict[int, _Texts] = {}

    def _even(self, width: int) -> list[list[str]]:
        """The rows with as many cells as there are columns."""
        cells = self.batch.cells
        if set(map(len, cells)) == {width}:
            return cells
        even = cells.copy()
        for place, row in enumerate(cells):
            if len(row) < width:
                even[place] = row + [""] * (width - len(row))
            elif len(row) > width:
                even[place] = row[:width]
                if any(map(str.strip, row[width:])):
                    self.odd.add(place)
        return even

    def texts(self, place: int) -> _Texts:
        """The cells of a column, cleaned once."""
        if place not in self._known:
            self._known[place] = _Texts(self.turned[place])
        return self._known[place]

    def phones(self) -> tuple[list[str], list[str], list[str]]:
        """Number, zone and note of each row, where the first column of numbers holds one in a common shape."""
        found = self._numbers(self.columns.phones[0])
        if None in found:
            self.odd.update(place for place, one in enumerate(found) if one is None)
        numbers, zones, notes, _ = zip(*[one or _NOT_READ for one in found], strict=True)
        return list(numbers), list(zones), list(notes)

    def _numbers(self, column: int) -> list[fast_phones.Found | None]:
        only_mobiles = self.columns.options.only_mobiles
        found = list(map(fast_phones.reader(self.columns.region, kinds=only_mobiles), self.turned[column]))
        return [one if one and one[3] is not Kind.LANDLINE else None for one in found] if only_mobiles else found

    def staged(self, numbers: Iterable[str], zones: Iterable[str]) -> list[str]:
        """A line for COPY of each row."""
        self._mark_what_is_wrong()
        columns, tab = self.columns, repeat("\t")
        name = repeat("") if columns.name is None else self.texts(columns.name).copied(LONGEST_NAME)
        pieces: list[Iterable[str]] = [map(str, self.batch.lines), tab, numbers, tab, name, tab, self._zones(zones)]
        before = "\t{"
        for heading, place in zip(columns.extra, columns.places, strict=True):
            pieces += [repeat(f'{before}{_escaped(encode_basestring(heading))}: "'), self.texts(place).quoted]
            before = '", '
        pieces += [repeat('"}\t' if columns.places else "\t{}\t"), self._alternatives(numbers)]
        words = [repeat("") if place is None else self.texts(place).copied(LONGEST_WORD) for place in columns.told[1:]]
        pieces += chain.from_iterable(zip(repeat(tab), words, strict=False))
        return list(map("".join, zip(*pieces, tab, strict=False)))  # an empty flag

    def _mark_what_is_wrong(self) -> None:
        zone, _, _, consent = self.columns.told
        for place, _, _, reads in self.columns.typed:
            self._mark(self.texts(self.columns.places[place]).texts, partial(_is_no, reads))
        if zone is not None:
            self._mark(self.texts(zone).words(LONGEST_WORD), lambda name: name not in known_zones())
        if consent is not None:
            self._mark(self.texts(consent).words(LONGEST_WORD), people.says_no)

    def _mark(self, texts: Sequence[str], is_wrong: Callable[[str], bool]) -> None:
        wrong = {text for text in set(texts) if text and is_wrong(text)}
        if wrong:
            self.odd.update(place for place, text in enumerate(texts) if text in wrong)

    def _zones(self, of_numbers: Iterable[str]) -> Iterable[str]:
        """As the row says; else where the number lives."""
        place = self.columns.told[0]
        if place is None:
            return of_numbers
        return [said or zone for said, zone in zip(self.texts(place).copied(LONGEST_WORD), of_numbers, strict=True)]

    def _alternatives(self, numbers: Iterable[str]) -> Iterable[str]:
        """The further numbers of each row, as JSON."""
        others = [self._others(column) for column in self.columns.phones[1:]]
        if not others:
            return repeat("[]")
        beside = zip(numbers, *others, strict=True)
        return [_list([other for other in dict.fromkeys(more) if other and other != first]) for first, *more in beside]

    def _others(self, column: int) -> list[str]:
        found = self._numbers(column)
        cells = self.turned[column]
        self.odd.update(place for place, one in enumerate(found) if one is None and cells[place].strip())
        return [one[0] if one else "" for one in found]


def _is_no(reads: Reading, text: str) -> bool:
    return reads(text) is None


def _list(numbers: Sequence[str]) -> str:
    return json.dumps(numbers) if numbers else "[]"
