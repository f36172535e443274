"""One cell to one number, or the reason why not; the shortcut says what the library says."""

import random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from campaigns.importing import phones
from campaigns.importing.phones import Phone, Rejected, judge, normalise

RAVI = "+919876543210"

WRITTEN = [
    "9876543210", "+919876543210", "+91 98765 43210", "98765-43210", "(98765) 43210", "098765 43210", "91 9876543210",
    "00919876543210", "0091-98765-43210", "'9876543210", '="9876543210"', "=9876543210", '"9876543210"', " 9876543210 ",
    "９８７６５４３２１０", "＋９１ ９８７６５４３２１０", "९८७६५४३२१०", "٩٨٧٦٥٤٣٢١٠", "۹۸۷۶۵۴۳۲۱۰",
    "+91 98765 43210 ext 12",
    "9876543210x12", "9876543210 #4", "9876543210.0", "9,876,543,210", "tel:+919876543210", "Mob: 98765 43210",
    "+91 (0) 98765 43210", "0 91 98765 43210", "+91-98765–43210", "\u202a+91 98765 43210\u202c", "98765\u00a043210",
    "9876543210,", "98.765.43210", "++919876543210", "'+91 98765 43210", "\ufeff9876543210",
]  # fmt: skip


@pytest.mark.parametrize("text", WRITTEN)
def test_a_number_is_read_however_it_is_written(text: str) -> None:
    found = normalise(text, "IN")
    assert isinstance(found, Phone)
    assert (found.e164, found.time_zone) == (RAVI, "")


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("", "No number"),
        ("   ", "No number"),
        ("N/A", "No number"),
        ("-", "No number"),
        ("+", "No number"),
        ("9.19877E+11", "Excel shortened"),
        ("9,19877E+11", "Excel shortened"),
        ("9.87654e9", "Excel shortened"),
        ("12345678", "Too short: 8 digits"),
        ("98765432101", "Too long: 11 digits"),
        ("9" * 40, "Too long"),
        ("9876543210/9876543211", "Two numbers"),
        ("9876543210 / 11", "Two numbers"),
        ("9876543210, 9876543211", "Two numbers"),
        ("9876543210 9876543211", "Two numbers"),
        ("9876543210 or 9876543211", "Two numbers"),
        ("9876543210\n9876543211", "Two numbers"),
        ("112", "emergency"),
        ("100", "emergency"),
        ("+91 112", "emergency"),
        ("911", "emergency"),
        ("56767", "Short code"),
        ("+1 900 555 1234", "Premium"),
        ("98765 4321O", "Letters"),
        ("call Ravi", "Letters"),
        ("कविता", "Letters"),
        ("+999 1234 5678", "No country"),
        ("1111111111", "No such number in India"),
        ("98765\ufffd43210", "Damaged"),
    ],
)
def test_what_cannot_be_dialled_is_rejected_by_name(text: str, reason: str) -> None:
    found = normalise(text, "IN")
    assert isinstance(found, Rejected)
    assert reason in found.reason
    assert len(found.reason) <= 200


@pytest.mark.parametrize(
    ("text", "region", "e164", "zone"),
    [
        ("+65 8123 4567", "IN", "+6581234567", "Asia/Singapore"),
        ("8123 4567", "SG", "+6581234567", ""),
        ("+1 212 555 2368", "IN", "+12125552368", "America/New_York"),
        ("(212) 555-2368", "US", "+12125552368", "America/New_York"),
        ("+44 7911 123456", "IN", "+447911123456", "Europe/London"),
        ("07400 123456", "GB", "+447400123456", ""),
        ("+61 412 345 678", "IN", "+61412345678", "Indian/Cocos & Australia/Lord_Howe"),
        ("0412 345 678", "AU", "+61412345678", "Indian/Cocos & Australia/Lord_Howe"),
        ("050 123 4567", "AE", "+971501234567", ""),
        ("022 2345 6789", "IN", "+912223456789", ""),
    ],
)
def test_a_number_carries_its_zone_or_the_ends_of_its_country_unless_the_lists_country_has_one_clock(
    text: str, region: str, e164: str, zone: str
) -> None:
    found = normalise(text, region)
    assert isinstance(found, Phone)
    assert (found.e164, found.time_zone) == (e164, zone)


@pytest.mark.parametrize(
    ("text", "note"),
    [
        ("9876543210", ""),
        ("+919876543210", ""),
        ("09876543210", "leading 0 or 91"),
        ("98765 43210", "spaces and dashes"),
        ("'9876543210", "Excel text mark"),
        ("९८७६५४३२१०", "figures of another script"),
        ("9876543210 ext 5", "extension left out"),
    ],
)
def test_a_repair_is_told(text: str, note: str) -> None:
    found = normalise(text, "IN")
    assert isinstance(found, Phone)
    assert found.note == note


SHAPES = (
    "{n}",
    "+91{n}",
    "91{n}",
    "0{n}",
    "0091{n}",
    "+91 {a} {b}",
    "+91-{a}-{b}",
    "0{a} {b}",
    "({a}) {b}",
    " {n}",
    "{a}.{b}",
)


def test_the_shortcut_equals_the_library_on_50_000_numbers() -> None:
    chance = random.Random(50_000)
    for place in range(50_000):
        digits = chance.choice("6789") + f"{chance.randrange(10**9):09}"
        text = SHAPES[place % len(SHAPES)].format(n=digits, a=digits[:5], b=digits[5:])
        assert normalise(text, "IN") == judge(text, "IN"), text


@given(st.text(alphabet=" -().\t+0123456789", max_size=18) | st.from_regex(r"(\+91|0091|91|0)?[6-9][0-9]{8,10}"))
def test_the_shortcut_equals_the_library_on_anything_it_may_take(text: str) -> None:
    assert normalise(text, "IN") == judge(text, "IN")


hostile = st.text(max_size=30) | st.text(alphabet="0123456789+-() /,.eEx#'=\"\n٩९９", max_size=24)


@given(hostile, st.sampled_from(sorted(phones.REGIONS)))
def test_a_number_that_was_normalised_stays_as_it_is(text: str, region: str) -> None:
    found = normalise(text, region)
    if isinstance(found, Phone):
        again = normalise(found.e164, region)
        assert isinstance(again, Phone)
        assert again == Phone(found.e164, found.time_zone, "")
    else:
        assert found.reason


@pytest.mark.timeout(20)
@pytest.mark.parametrize(
    "text", ["9" + " " * 9_990 + "1", "tel" + " " * 9_990 + "!", "9876543210" + " ,;" * 3_300 + "!"]
)
def test_a_long_cell_costs_no_time(text: str) -> None:
    """Patterns that look for an extension or a label take minutes for a few of these."""
    for _ in range(200):
        assert normalise(text, "IN") == Rejected(phones.TOO_LONG)


def test_a_number_in_a_padded_cell_is_still_a_number() -> None:
    assert normalise(" " * 300 + "022 2345 6789" + " " * 300, "IN") == Phone(
        "+912223456789", "", "spaces and dashes, leading 0 or 91"
    )
