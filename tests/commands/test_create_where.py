"""create_campaign --where: who of the lists is called; campaign_status and why_not_called tell of the rest."""

import io
import json

import pytest
from django.core.management import CommandError, call_command

from campaigns import enrolling, filters
from campaigns.filters import Condition
from campaigns.models import CallerId, Campaign, Contact
from tests import people

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def _borrowers() -> None:
    account = people.account(name="Simulator", from_environment=True)
    CallerId.objects.create(account=account, number=people.CALLER_ID, is_default=True)
    made = people.contact_list(0, name="Borrowers", columns=["city", "amount"], types={"amount": "number"})
    for place, city in enumerate(("Pune", "Goa", "Pune"), 1):
        variables = {"city": city, "amount": f"{place * 3},000"}
        Contact.objects.create(contact_list=made, phone=f"+91987654321{place}", variables=variables)


def said(*words: str) -> str:
    out = io.StringIO()
    call_command(*words, stdout=out)
    return out.getvalue().strip()


def create(*where: str) -> str:
    words = ["--name", "EMI", "--list", "Borrowers", "--mode", "bot", "--bot", "echo"]
    return said("create_campaign", *words, *(word for line in where for word in ("--where", line)))


def test_conditions_are_kept_and_the_answer_says_how_many_match() -> None:
    assert create("city = Pune", "amount > 5,000").endswith("“EMI”, is a draft. 1 of 3 people match.")
    kept = (Condition("var:city", "is", "Pune"), Condition("var:amount", "gt", "5000"))
    assert filters.from_json(Campaign.objects.get().audience) == kept


def test_for_machines_it_says_how_many_and_whether_that_is_exact() -> None:
    people.campaign(name="Holi")
    words = ["--name", "EMI", "--list", "Borrowers", "--mode", "bot", "--bot", "echo", "--where", "not called in Holi"]
    answer = json.loads(said("create_campaign", *words, "--json"))
    assert answer == {"id": Campaign.objects.latest("pk").pk, "matching": 3, "exact": True}


def test_without_conditions_nothing_is_said_of_matching() -> None:
    assert create().endswith("is a draft.")


def test_every_line_that_is_wrong_is_told_and_nothing_is_made() -> None:
    with pytest.raises(CommandError) as refused:
        create("town = Pune", "city = Pune", "amount > many")
    assert str(refused.value).splitlines() == [
        "--where “town = Pune”: No column of these lists is named “town” (there are: amount, city).",
        "--where “amount > many”: amount is compared with a number, and “many” is none. Write it like 5,000.",
    ]
    assert not Campaign.objects.exists()


def test_status_and_why_tell_of_those_who_do_not_match() -> None:
    create("city = Pune")
    campaign = Campaign.objects.get()
    Campaign.objects.update(status="running", launched_at=campaign.created_at)
    enrolling.enrol_chunk(campaign.pk)
    assert "People: 2 pending; 1 do not match the audience." in said("campaign_status", str(campaign.pk))
    assert json.loads(said("campaign_status", str(campaign.pk), "--json"))["left_out"] == 1
    told = said("why_not_called", str(campaign.pk), "+91 98765 43212")
    assert told == "They are on “Borrowers”, but do not match the campaign’s audience: city is Pune."
