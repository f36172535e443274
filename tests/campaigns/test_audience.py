"""A campaign calls those of its lists who meet its conditions, and says why it does not call the others."""

from typing import Any

import pytest
from django.test import Client

from campaigns import audiences, control, creating, enrolling, filters, pacing, suppressing, versions, why_words
from campaigns.audit import COMMAND_LINE
from campaigns.lifecycle import AttemptState, CampaignStatus
from campaigns.models import Campaign, CampaignContact, CampaignList, Contact, ContactList, User
from campaigns.refusals import NotAllowed
from campaigns.views import home
from campaigns.views.plan import plan
from tests import people
from tests.campaigns import plans

pytestmark = pytest.mark.django_db


def of_cities(*cities: str, **fields: Any) -> ContactList:
    """A list with one person from each of these cities."""
    made = people.contact_list(len(cities), columns=["city", "amount"], types={"amount": "number"}, **fields)
    for person, city in zip(made.contacts.order_by("pk"), cities, strict=True):
        Contact.objects.filter(pk=person.pk).update(variables={"city": city, "amount": f"{len(city)},000"})
    return made


def asking(*lines: str, lists: list[ContactList], **fields: Any) -> Campaign:
    """A running campaign to those who meet the conditions; nobody is enrolled yet."""
    conditions = [filters.read_text(line, lists) for line in lines]
    return people.campaign(lists=lists, audience=filters.to_json(conditions), **fields)


def enrol(campaign: Campaign, chunk: int = 2) -> list[str]:
    """All chunks; the cities of those who are in line."""
    enrolling.take_appended()
    while enrolling.enrol_chunk(campaign.pk, chunk):
        pass
    return sorted(str(one.variables["city"]) for one in campaign.contacts.all())


# -------------------------------------------------------------------------------------------------------- enrolling
def test_only_those_who_match_come_into_line_and_the_others_are_counted() -> None:
    one = of_cities("Pune", "Mumbai", "pune", "", "Nashik")
    campaign = asking("city = Pune", lists=[one])
    assert enrol(campaign) == ["Pune", "pune"]
    link = CampaignList.objects.get()
    assert (link.total, link.left_out, link.done) == (2, 3, True)


def test_each_list_is_read_by_its_own_columns() -> None:
    campaign = asking("amount >= 5000", lists=[of_cities("Pune", "Delhi"), of_cities("Mumbai", "Goa")])
    assert enrol(campaign) == ["Delhi", "Mumbai"]
    assert sorted(CampaignList.objects.values_list("left_out", flat=True)) == [1, 1]


def test_who_comes_later_is_judged_as_well() -> None:
    one = of_cities("Pune")
    campaign = asking("city = Pune", lists=[one])
    assert enrol(campaign) == ["Pune"]
    for city in ("Goa", "Pune", "Delhi"):
        Contact.objects.create(contact_list=one, phone=people.phone(), variables={"city": city})
    assert enrol(campaign) == ["Pune", "Pune"]
    assert CampaignList.objects.get().left_out == 2


def test_answers_elsewhere_count_as_they_stand_when_the_chunk_is_read() -> None:
    one = of_cities("Pune", "Goa", "Delhi")
    before = people.campaign(name="Diwali reminders")
    pune, goa, _ = one.contacts.order_by("pk")
    for person, outcome in ((pune, "answered"), (goa, "busy")):
        row = people.contact(before, phone=person.phone, state="done")
        people.attempt(row, AttemptState.ENDED, outcome=outcome)
    later = asking("answered in Diwali reminders", lists=[one])
    again = asking("called and not answered in Diwali reminders", lists=[one])
    new = asking("not called in Diwali reminders", lists=[one])
    assert [enrol(each) for each in (later, again, new)] == [["Pune"], ["Goa"], ["Delhi"]]
    CampaignContact.objects.filter(campaign=before).update(last_outcome="answered")
    assert enrol(again) == ["Goa"]


def test_zones_are_those_of_whom_it_calls() -> None:
    one = of_cities("Pune", "Singapore")
    one.contacts.filter(variables__city="Singapore").update(time_zone="Asia/Singapore")
    campaign = asking("city = Pune", lists=[one])
    enrol(campaign)
    campaign.refresh_from_db()
    assert campaign.zones == [""]


# --------------------------------------------------------------------------------------------------- plan and record
def test_a_plan_carries_the_audience_and_a_version_keeps_it_in_words() -> None:
    one = of_cities("Pune")
    conditions = (filters.read_text("city = Pune", [one]), filters.read_text("amount > 5000", [one]))
    campaign = creating.create(plans.plan(lists=[one], audience=conditions), by=COMMAND_LINE)
    campaign.refresh_from_db()
    assert filters.from_json(campaign.audience) == conditions
    creating.update(campaign, plans.plan(campaign.account, lists=[one], audience=conditions[:1]), by=COMMAND_LINE)
    campaign.refresh_from_db()
    assert filters.from_json(campaign.audience) == conditions[:1]
    version = versions.write(campaign, by=COMMAND_LINE)
    assert ("Who of them", "city is Pune") in versions.told(version.settings)


def test_a_version_from_before_there_were_audiences_can_still_be_told() -> None:
    settings = versions.settings_of(plans.draft())
    del settings["audience"]
    assert "Who of them" not in dict(versions.told(settings))


def test_a_condition_about_a_campaign_that_is_gone_is_refused() -> None:
    gone = filters.Condition("campaign:999", "answered")
    with pytest.raises(NotAllowed, match="There is no campaign 999"):
        plans.draft(audience=(gone,))


# -------------------------------------------------------------------------------------------------------------- why
def test_somebody_who_does_not_match_is_told_by_which_condition() -> None:
    one = of_cities("Pune", "Goa")
    campaign = asking("city = Pune", "amount > 1,000", lists=[one])
    enrol(campaign)
    goa = one.contacts.get(variables__city="Goa")
    said = why_words.not_in_queue(campaign, goa.phone)
    assert said == f"They are on “{one.name}”, but do not match the campaign’s audience: city is Pune."


def test_somebody_who_matches_by_now_is_told_when_they_were_judged() -> None:
    one = of_cities("Goa")
    campaign = asking("city = Pune", lists=[one], status=CampaignStatus.RUNNING)
    enrol(campaign)
    one.contacts.update(variables={"city": "Pune"})
    said = why_words.not_in_queue(campaign, one.contacts.get().phone)
    assert said == (
        f"They were on “{one.name}” when it was read, and did not match the campaign’s audience then: city is Pune."
    )


def test_somebody_who_is_still_to_be_judged_is_being_added() -> None:
    one = of_cities("Goa", "Pune")
    campaign = asking("city = Pune", lists=[one])
    enrolling.enrol_chunk(campaign.pk, 1)
    said = why_words.not_in_queue(campaign, one.contacts.get(variables__city="Pune").phone)
    assert said == f"“{one.name}” is still being added to the campaign."


# ------------------------------------------------------------------------------------------------------------- plan
def test_the_plan_counts_those_who_match_only() -> None:
    one, other = of_cities("Pune", "Goa", "Pune"), of_cities("Pune")
    pune, goa, again = one.contacts.order_by("pk")
    Contact.objects.create(contact_list=other, phone=again.phone, variables={"city": "Pune"})
    Contact.objects.create(contact_list=other, phone=goa.phone, variables={"city": "Goa"})
    suppressing.suppress([pune.phone, goa.phone], reason="asked", by=COMMAND_LINE)
    campaign = asking("city = Pune", lists=[one, other])
    planned = plan(campaign, pacing.db_now())
    assert (planned.people, planned.left_out, planned.suppressed, planned.duplicates) == (2, 2, 1, 1)
    assert planned.audience == 6


def test_a_plan_over_a_long_list_says_about(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(audiences, "COUNTED", 1)
    planned = plan(asking("city = Pune", lists=[of_cities("Pune", "Goa")]), pacing.db_now())
    assert (planned.people, planned.left_out, planned.about) == (1, 1, True)


def test_a_campaign_that_nobody_matches_cannot_be_launched() -> None:
    one = of_cities("Pune")
    campaign = plans.draft(lists=[one], audience=(filters.read_text("city = Goa", [one]),))
    assert "Nobody on the chosen lists matches: city is Goa. Change who is called." in control.problems(campaign)
    campaign.audience = filters.to_json([filters.read_text("city = Pune", [one])])
    assert not [problem for problem in control.problems(campaign) if "matches" in problem]


def test_a_column_that_is_gone_stops_the_launch_instead_of_letting_everybody_in() -> None:
    one = of_cities("Pune", "Goa")
    campaign = asking("city is not Pune", lists=[one])
    ContactList.objects.filter(pk=one.pk).update(columns=["town"])  # undone, and imported under another heading
    [told] = [said for said in control.problems(campaign) if "column" in said]
    assert told == "The chosen lists have no column “city” any more: city is not Pune. Change who is called."


def test_a_persons_page_tells_which_campaigns_leave_them_out_and_why(meera: User) -> None:
    one = of_cities("Pune", "Goa")
    goa = one.contacts.latest("pk")
    left, taken, open_ = (asking(f"city = {city}", lists=[one]) for city in ("Pune", "Goa", "Delhi"))
    for campaign in (left, taken):
        enrol(campaign)
    found = why_words.left_out([goa], [taken.pk], "simulator")
    assert [(campaign.pk, said.endswith("audience: city is Pune.")) for campaign, said in found] == [(left.pk, True)]
    assert open_.pk not in [campaign.pk for campaign, _ in found], "not judged yet"
    client = Client()
    client.force_login(meera)
    assert "do not match the campaign’s audience: city is Pune." in client.get(f"/contacts/{goa.pk}/").content.decode()


def test_the_overview_plans_with_those_who_match() -> None:
    now = pacing.db_now()
    campaign = asking("city = Pune", lists=[of_cities("Pune", "Goa")], status="scheduled", scheduled_at=now)
    assert home._planned_today(now) == [(campaign, 1)]
