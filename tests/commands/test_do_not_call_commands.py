"""suppress and unsuppress: numbers as people write them, all of them or none."""

from campaigns.models import Suppression
from tests.commands.conftest import Manage


def test_numbers_are_put_on_the_list_and_taken_off(manage: Manage) -> None:
    words = ("suppress", "90000 01001", "+919000001002", "--reason", "asked by letter", "--json")
    assert manage(*words).answer == {"added": 2, "numbers": 2}
    assert set(Suppression.objects.values_list("phone", "reason", "source")) == {
        ("+919000001001", "asked by letter", "operator"),
        ("+919000001002", "asked by letter", "operator"),
    }
    assert manage("unsuppress", "09000001001", "9000009999", "--json").answer == {"removed": 1, "numbers": 2}
    assert list(Suppression.objects.values_list("phone", flat=True)) == ["+919000001002"]


def test_one_number_that_cannot_be_read_stops_them_all(here: Manage) -> None:
    assert "“12”" in here("suppress", "9000001001", "12", "--reason", "x").refusal
    assert not Suppression.objects.exists()


def test_a_reason_is_asked_for_and_a_country_must_exist(here: Manage) -> None:
    assert "--reason" in here("suppress", "9000001001").err
    unknown = here("suppress", "9000001001", "--reason", "x", "--region", "ZZ")
    assert unknown.status == 1
    assert "“ZZ” is not a country code" in unknown.err
    assert here("suppress", "81234567", "--reason", "x", "--region", "sg").status == 0
    assert Suppression.objects.get().phone == "+6581234567"
