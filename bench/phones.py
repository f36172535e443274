"""A number a cell: the fast path beside `phonenumbers` alone, on numbers as lists hold them. No server is asked."""

import random
import time
from collections.abc import Callable, Sequence

from bench.table import Row
from campaigns.importing import phones
from tests.importing import phone_inputs
from tests.importing.compare_phones import by_library_alone

NUMBERS = 20_000
LIBRARY = "phonenumbers alone: parse, is_valid, format"
SHAPES = ("{n}", "+{c}{n}", "{n}", "+{c} {a} {b}", "0{n}", "{a}-{b}", "{c}{n}", "{n}")


def measure(runs: int) -> Sequence[Row]:
    """µs a number, of the mobiles of India and of all regions that must be fast; and of what is rejected."""
    india = _cells(["IN"])
    return [
        Row(LIBRARY, "µs", [_time(by_library_alone, india) for _ in range(runs)]),
        Row("normalise, Indian mobiles", "µs", [_time(phones.normalise, india) for _ in range(runs)], LIBRARY),
        Row("normalise, eight regions", "µs", _each(runs, _cells(phone_inputs.REQUIRED)), LIBRARY),
        Row("normalise, rejected (too short)", "µs", _each(runs, [("IN", "98765 432")] * 2_000), LIBRARY),
    ]


def _each(runs: int, cells: Sequence[tuple[str, str]]) -> list[float]:
    return [_time(phones.normalise, cells) for _ in range(runs)]


def _cells(regions: Sequence[str]) -> list[tuple[str, str]]:
    chance = random.Random(1)
    return [_cell(regions[place % len(regions)], place, chance) for place in range(NUMBERS)]


def _cell(region: str, place: int, chance: random.Random) -> tuple[str, str]:
    number, code = phone_inputs.mobile(region, chance), phone_inputs.metadata(region).country_code
    shape = SHAPES[place // len(phone_inputs.REQUIRED) % len(SHAPES)]
    return region, shape.format(n=number, c=code, a=number[:5], b=number[5:])


def _time(read: Callable[[str, str], object], cells: Sequence[tuple[str, str]]) -> float:
    began = time.perf_counter()
    for region, text in cells:
        read(text, region)
    return (time.perf_counter() - began) / len(cells) * 1e6
