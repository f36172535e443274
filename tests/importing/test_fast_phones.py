"""The fast path says what the library says, of whatever it takes: 200,000 cells here, 5 million by compare_phones."""

import random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from campaigns.importing import fast_phones, phones
from campaigns.importing.phone_results import Phone
from tests.importing import phone_inputs
from tests.importing.compare_phones import Tally, by_library_alone, compare

OTHERS = sorted(set(phones.REGIONS) - set(phone_inputs.REQUIRED))


@pytest.mark.parametrize("region", phone_inputs.REQUIRED)
def test_the_fast_path_equals_the_library_on_25_000_cells_of_each_region(region: str) -> None:
    """New metadata that breaks this fails here: the tables are made of it, the rules that make them are ours."""
    tally = Tally()
    compare(region, 25_000, seed=200_000, tally=tally, alone=False)
    assert not tally.different, tally.different[:10]
    assert tally.taken > 2_500


@pytest.mark.parametrize("region", OTHERS)
def test_the_fast_path_equals_the_library_for_every_country_a_list_may_be_of(region: str) -> None:
    tally = Tally()
    compare(region, 1_000, seed=1, tally=tally)
    assert not tally.different, tally.different[:10]


@given(st.text(alphabet=" -().\t+0123456789", max_size=22), st.sampled_from(sorted(phones.REGIONS)))
def test_the_fast_path_equals_the_library_on_anything_it_may_take(text: str, region: str) -> None:
    fast = fast_phones.read(text, region)
    assert fast is None or fast == phones.judge(text, region)


@pytest.mark.parametrize("region", phone_inputs.REQUIRED)
@pytest.mark.parametrize("shape", ["{n}", "+{c}{n}", "+{c} {n}", "00{c}{n}", "{c} {n}", "+{c}-{a} {b}", "({a}) {b}"])
def test_a_mobile_in_a_common_shape_hardly_ever_goes_to_the_library(region: str, shape: str) -> None:
    chance = random.Random(region)
    code = phone_inputs.metadata(region).country_code
    taken = [
        fast_phones.read(shape.format(n=number, c=code, a=number[:3], b=number[3:]), region)
        for number in (phone_inputs.mobile(region, chance) for _ in range(200))
    ]
    assert sum(each is None for each in taken) <= 60  # 62 and an Indonesian number may be one of another area, too


@pytest.mark.parametrize("region", ["CA", "IT", "XX"])
def test_a_country_whose_rules_are_not_plain_has_no_fast_path_or_the_librarys_answers(region: str) -> None:
    if fast_phones.plan_of(region) is not None:
        tally = Tally()
        compare(region, 500, seed=1, tally=tally)
        assert not tally.different


def test_a_difference_would_be_seen() -> None:
    assert by_library_alone("98765 43210", "IN") == "+919876543210"
    assert by_library_alone("00 91 98765 43210", "SG") == "+919876543210"
    assert by_library_alone("98765", "IN") == ""
    assert isinstance(fast_phones.read("98765 43210", "IN"), Phone)
    assert fast_phones.read("0987654321.0", "IN") is None  # a float of nine digits, not a 0 and ten
