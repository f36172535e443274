"""Messages from columns, and the key map."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from botbridge.bots.wording import KeyChoice, fill, key_choices, unknown_columns


@pytest.mark.parametrize(
    ("template", "said"),
    [
        ("Hello {name}.", "Hello Asha."),
        ("Hello { NAME }.", "Hello Asha."),
        ("{Due date}: {amount} rupees", "5 May: 500 rupees"),
        ("Hello {nobody}, good day", "Hello , good day"),
        ("{name.__class__} {name!r} {name:>9} {0}", ""),
        ("50 % off {} {{name}}", "50 % off {Asha}"),
    ],
)
def test_columns_are_filled_in_and_nothing_is_ever_evaluated(template: str, said: str) -> None:
    assert fill(template, {"name": "Asha", "due  DATE": "5 May", "amount": "500"}) == said


@given(st.text(), st.dictionaries(st.text(), st.text(), max_size=4))
def test_no_template_and_no_value_breaks_filling_in(template: str, variables: dict[str, str]) -> None:
    said = fill(template, variables)
    assert said == " ".join(said.split())  # the voice gets one line
    assert not {*unknown_columns(template, variables)} & {*variables}
    choices, wrong = key_choices(template)
    assert len(choices) + len(wrong) <= len(template.splitlines())
    assert set("".join(choices)) <= set("0123456789*#")


def test_a_value_that_looks_like_a_template_is_only_said() -> None:
    assert fill("{name}", {"name": "{amount}", "amount": "500"}) == "{amount}"


def test_unknown_columns_are_named_as_they_were_written() -> None:
    assert unknown_columns("{Name} {dob} {dob} {city}", ["name", "City"]) == ["dob"]


def test_a_key_map_is_read_in_all_its_forms() -> None:
    choices, problems = key_choices(
        "1 = confirmed (goal): Promised to pay\n\n 2=later (progress)\n"
        "9 = stop: Do not call again\n* = Call me: By 5 pm (IST)\n"
    )
    assert problems == []
    assert list(choices.values()) == [
        KeyChoice("1", "confirmed", "goal", "Promised to pay"),
        KeyChoice("2", "later", "progress", "Later"),
        KeyChoice("9", "stop", "stop", "Do not call again"),
        KeyChoice("*", "call_me", "goal", "By 5 pm (IST)"),
    ]


@pytest.mark.parametrize(
    ("lines", "words"),
    [
        ("1 confirmed", "not a key"),
        ("12 = x", "not a key"),
        ("1 = a\n1 = b", "two meanings"),
        ("1 = paid (great): x", "none of goal"),
    ],
)
def test_a_key_map_that_cannot_be_read_is_refused_in_words(lines: str, words: str) -> None:
    _, problems = key_choices(lines)
    assert words in problems[0]
