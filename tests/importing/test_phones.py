"""One cell to one number, or the reason why not."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from campaigns.importing import phones
from campaigns.importing.phones import Code, Kind, Phone, Rejected, mobiles_only, normalise

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
        ("9876543210.0", "decimal zeros"),
        ('="9876543210"', "Excel text mark"),
        ("Mob: 9876543210", "label left out"),
        ("\u202a9876543210\u202c", "invisible characters"),
        ("９８７６５４３２１０", "figures of another script"),
        ("0091 98765 43210", "spaces and dashes, leading 0 or 91"),
    ],
)
def test_a_repair_is_told(text: str, note: str) -> None:
    found = normalise(text, "IN")
    assert isinstance(found, Phone)
    assert found.note == note


@pytest.mark.parametrize(
    ("text", "region", "code"),
    [
        ("nil", "IN", Code.EMPTY),
        ("9" * 200, "IN", Code.LONG_TEXT),
        ("9.19877E+11", "IN", Code.SCIENTIFIC),
        ('="9.19877E+11"', "IN", Code.SCIENTIFIC),
        ("９.１９８７７Ｅ＋１１", "IN", Code.SCIENTIFIC),
        ("9876543210 / 9876543211", "IN", Code.TWO_NUMBERS),
        ("9876543210-9876543211", "IN", Code.TWO_NUMBERS),
        ("9876543210+919876543211", "IN", Code.TWO_NUMBERS),
        ("98765 43210 98765 43211", "IN", Code.TWO_NUMBERS),
        ("98765432109876543211", "IN", Code.TWO_NUMBERS),
        ("919876543210919876543211", "IN", Code.TWO_NUMBERS),
        ("8123456781234568", "SG", Code.TWO_NUMBERS),
        ("Ravi 9876543210", "IN", Code.LETTERS),
        ("98765\ufffd43210", "IN", Code.DAMAGED),
        ("108", "IN", Code.EMERGENCY),
        ("+65 995", "SG", Code.EMERGENCY),
        ("56767", "IN", Code.SHORT_CODE),
        ("1900 123 4567", "SG", Code.PREMIUM),
        ("0906 611 1234", "GB", Code.PREMIUM),
        ("+999 1234 5678", "IN", Code.NO_SUCH_COUNTRY),
        ("98765", "IN", Code.TOO_SHORT),
        ("98765432101", "IN", Code.TOO_LONG),
        ("1111111111", "IN", Code.NO_SUCH_NUMBER),
    ],
)
def test_a_rejection_has_a_name_to_count_it_by(text: str, region: str, code: Code) -> None:
    found = normalise(text, region)
    assert isinstance(found, Rejected)
    assert found.code is code
    assert found.reason


@pytest.mark.parametrize(
    ("text", "region", "kind"),
    [
        ("98765 43210", "IN", Kind.MOBILE),
        ("022 2345 6789", "IN", Kind.LANDLINE),
        ("1800 123 4567", "IN", Kind.TOLL_FREE),
        ("1860 345 1234", "IN", Kind.SHARED_COST),
        ("140 930 5260", "IN", Kind.COMPANY),
        ("212 555 2368", "US", Kind.EITHER),
        ("020 7946 0018", "GB", Kind.LANDLINE),
        ("056 1234 5678", "GB", Kind.VOIP),
        ("070 1234 5678", "GB", Kind.PERSONAL),
        ("+971 50 123 4567", "IN", Kind.MOBILE),
    ],
)
def test_a_number_says_of_what_kind_it_is(text: str, region: str, kind: Kind) -> None:
    found = normalise(text, region)
    assert isinstance(found, Phone)
    assert found.kind is kind


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("9876543210", ""),
        ("+1 212 555 2368", ""),
        ("022 2345 6789", "A landline number, and this list takes mobiles only"),
        ("1800 123 4567", "A toll-free number, and this list takes mobiles only"),
        ("+44 56 1234 5678", "An internet number, and this list takes mobiles only"),
        ("12", "Too short"),
    ],
)
def test_a_list_of_mobiles_takes_no_landline(text: str, reason: str) -> None:
    found = mobiles_only(normalise(text, "IN"))
    assert reason in (found.reason if isinstance(found, Rejected) else "")
    assert isinstance(found, Phone) is not bool(reason)


hostile = st.text(max_size=30) | st.text(alphabet="0123456789+-() /,.eEx#'=\"\n٩९９", max_size=24)


@given(hostile, st.sampled_from(sorted(phones.REGIONS)))
def test_a_number_that_was_normalised_stays_as_it_is(text: str, region: str) -> None:
    found = normalise(text, region)
    if isinstance(found, Phone):
        again = normalise(found.e164, region)
        assert isinstance(again, Phone)
        assert again == found._replace(note="")
    else:
        assert found.reason


@pytest.mark.timeout(20)
@pytest.mark.parametrize(
    "text", ["9" + " " * 9_990 + "1", "tel" + " " * 9_990 + "!", "9876543210" + " ,;" * 3_300 + "!"]
)
def test_a_long_cell_costs_no_time(text: str) -> None:
    """Patterns that look for an extension or a label take minutes for a few of these."""
    for _ in range(200):
        assert normalise(text, "IN") == phones.LONG_TEXT


def test_a_number_in_a_padded_cell_is_still_a_number() -> None:
    assert normalise(" " * 300 + "022 2345 6789" + " " * 300, "IN") == Phone(
        "+912223456789", "", "spaces and dashes, leading 0 or 91", Kind.LANDLINE
    )
