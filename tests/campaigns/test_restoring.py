"""Closing a gap: Exotel's list against the database, call by call, and what is not believed."""

from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import pytest
from django.conf import settings
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from campaigns import control, enrolling, gaps, restoring
from campaigns.audit import COMMAND_LINE
from campaigns.exotel import client
from campaigns.models import AuditEntry, CallAttempt, Campaign, CampaignContact, ExotelAccount, Gap
from campaigns.refusals import NotAllowed
from campaigns.restoring import Found
from tests import people
from tests.campaigns.far_side import FarSide, far_side

pytestmark = pytest.mark.django_db


@pytest.fixture
def exotel(tmp_path: Path) -> Iterator[FarSide]:
    with far_side(tmp_path, latency=0.0) as running:
        yield running


def campaign_of(exotel: FarSide, **fields: object) -> Campaign:
    account = exotel.account(reporting_lag=0)
    return people.campaign(account, created_at=timezone.now() - timedelta(hours=1), **fields)  # type: ignore[arg-type]


def gap_of(campaign: Campaign, **fields: object) -> Gap:
    """The account's database was put back; the last calls are over, and listed."""
    now = timezone.now()
    known = CallAttempt.objects.filter(account=campaign.account).order_by("-intent_at").first()
    values = {
        "account": campaign.account,
        "found_at": now,
        "known_until": known.intent_at if known else None,
        "called_until": now,
        "witnessed": gaps.last_number() + 500,
        "ready_at": now,
    }
    made = Gap.objects.create(**(values | fields))
    assert not gaps.clear(campaign.account_id)
    return made


def resume(campaign: Campaign) -> Found:
    return restoring.resume(campaign.pk, by=COMMAND_LINE, do_not_call_is_back=True)


def fresh(person: CampaignContact) -> tuple[str, str, int]:
    person.refresh_from_db()
    return person.state, person.last_outcome, person.tries


def kinds(found: Found) -> list[str]:
    return [line.kind for line in found.lines]


# -------------------------------------------------------------------------------------------------------- whose call
def test_a_forgotten_call_becomes_an_attempt_with_the_carriers_outcome(exotel: FarSide) -> None:
    campaign = campaign_of(exotel)
    answered, busy = people.contacts(campaign, [people.phone(1), people.phone(10)])
    waiting = people.contact(campaign)
    sids = [exotel.call(answered.phone), exotel.call(busy.phone)]
    gap_of(campaign)
    assert kinds(resume(campaign)) == ["recorded", "recorded"]
    assert (fresh(answered), fresh(busy)) == (("done", "answered", 1), ("done", "busy", 1))
    assert fresh(waiting) == ("pending", "", 0)
    attempt = answered.attempts.get()
    assert (attempt.sid, attempt.state, attempt.outcome, attempt.reason_code) == (
        sids[0], "ended", "answered", "restored",
    )  # fmt: skip
    assert attempt.confirmed_at is not None
    assert attempt.slot_released_at is not None
    assert attempt.events.get().note.startswith("Found in Exotel’s call list")


def test_the_retry_rule_counts_a_forgotten_call_like_any_other(exotel: FarSide) -> None:
    campaign = campaign_of(exotel, max_attempts=2)
    campaign.retry_rules.create(outcome="busy", times=1, delay_minutes=30)
    once, twice = people.contacts(campaign, [people.phone(10), people.phone(10)])
    for number in (once.phone, twice.phone, twice.phone):
        exotel.call(number)
    gap_of(campaign)
    resume(campaign)
    assert fresh(once) == ("retry", "busy", 1)
    assert once.due_at > timezone.now() + timedelta(minutes=25)
    assert fresh(twice) == ("done", "busy", 2)
    assert list(twice.attempts.order_by("ordinal").values_list("ordinal", "outcome")) == [(1, "busy"), (2, "busy")]


@pytest.mark.parametrize("spelled", ["{}", "CA{}"])
def test_a_call_that_was_open_in_the_copy_is_ended_and_not_made_twice(exotel: FarSide, spelled: str) -> None:
    campaign = campaign_of(exotel)
    person = people.contact(campaign, phone=people.phone(1))
    sid = spelled.format(exotel.call(person.phone))
    attempt = people.attempt(person, "placed", sid=sid, placed_at=timezone.now())
    gap_of(campaign)
    found = resume(campaign)
    assert (found.known, found.lines, found.checked) == (1, [], True)
    attempt.refresh_from_db()
    assert (attempt.state, attempt.outcome) == ("ended", "answered")
    assert fresh(person) == ("done", "answered", 1)


def test_a_strangers_call_is_not_matched_with_an_attempt_that_was_on_its_way(exotel: FarSide) -> None:
    campaign = campaign_of(exotel)
    person = people.contact(campaign, phone=people.phone(10))
    attempt = people.attempt(person, "unknown", caller_id="08099999999")
    exotel.call(person.phone)
    gap_of(campaign)
    assert kinds(resume(campaign)) == ["recorded"]
    attempt.refresh_from_db()
    assert (attempt.state, attempt.sid) == ("unknown", None)


@pytest.mark.parametrize("state", ["dialing", "unknown"])
def test_a_call_that_was_on_its_way_in_the_copy_is_matched_with_its_attempt(exotel: FarSide, state: str) -> None:
    campaign = campaign_of(exotel)
    person = people.contact(campaign, phone=people.phone(10))
    attempt = people.attempt(person, state)
    sid = exotel.call(person.phone)
    gap_of(campaign)
    assert kinds(resume(campaign)) == ["matched"]
    attempt.refresh_from_db()
    assert (attempt.sid, attempt.outcome) == (sid, "busy")
    assert person.attempts.count() == 1


def test_a_number_of_no_campaign_is_told_and_changes_nothing(exotel: FarSide) -> None:
    campaign = campaign_of(exotel)
    exotel.call(people.phone(1))
    gap_of(campaign)
    found = resume(campaign)
    assert kinds(found) == ["nobody"]
    assert not CallAttempt.objects.exists()
    assert "••" in found.lines[0].phone


def test_of_two_campaigns_with_the_person_one_gets_the_call_and_a_person_decides_about_the_other(
    exotel: FarSide,
) -> None:
    campaign = campaign_of(exotel)
    other = people.campaign(campaign.account)
    number = people.phone(1)
    first, second = people.contact(campaign, phone=number), people.contact(other, phone=number)
    exotel.call(number)
    gap_of(campaign)
    assert resume(campaign).doubtful == 1
    assert fresh(first)[0] == "done"
    assert (fresh(second)[0], second.reason_code) == ("uncertain", "restored")
    control.resume(other.pk, by=COMMAND_LINE)
    assert control.dial_uncertain(other.pk, by=COMMAND_LINE) == 1
    assert fresh(second)[0] == "pending"


def test_the_caller_id_tells_two_campaigns_apart(exotel: FarSide) -> None:
    campaign = campaign_of(exotel, caller_id="08099999999")
    other = people.campaign(campaign.account)  # calls with the caller ID of the call
    number = people.phone(1)
    first, second = people.contact(campaign, phone=number), people.contact(other, phone=number)
    exotel.call(number)
    gap_of(campaign)
    assert resume(campaign).doubtful == 0
    assert (fresh(first)[0], fresh(second)[0]) == ("pending", "done")


def test_somebody_whose_turn_to_be_enrolled_had_not_come_in_the_copy_is_not_called_again(exotel: FarSide) -> None:
    number = people.phone(1)
    campaign = campaign_of(exotel, lists=[people.contact_list([number, people.phone(1)])])
    exotel.call(number)
    gap_of(campaign)
    assert kinds(resume(campaign)) == ["recorded"]
    enrolling.enrol_chunk(campaign.pk)
    assert dict(campaign.contacts.values_list("phone", "state"))[number] == "done"
    assert campaign.contacts.count() == 2


def test_a_campaign_is_not_given_the_call_of_somebody_whom_it_leaves_out(exotel: FarSide) -> None:
    number = people.phone(10)  # busy: whose call it is would call again
    listed = people.contact_list([number, people.phone(1)])
    campaign = campaign_of(exotel, lists=[listed], audience=[["name", "is", "Person 2"]])
    exotel.call(number)
    gap_of(campaign)
    assert kinds(resume(campaign)) == ["nobody"]
    assert not campaign.contacts.filter(phone=number).exists()


@pytest.mark.parametrize(("status", "state"), [("completed", "done"), ("running", "done"), ("running", "skipped")])
def test_a_call_of_a_draft_is_not_given_to_a_campaign_that_is_done_with_the_person(
    exotel: FarSide, status: str, state: str
) -> None:
    """The draft was launched in the time that is missing, and will be launched again."""
    number = people.phone(1)
    last_month = campaign_of(exotel, status=status)
    earlier = people.contact(last_month, phone=number, state=state)
    lists = [people.contact_list([number])]
    draft = people.campaign(last_month.account, status="draft", launched_at=None, lists=lists)
    exotel.call(number)
    gap_of(last_month)
    found = resume(last_month)
    assert [line.campaign for line in found.lines] == [draft.pk]
    assert draft.contacts.get().state == "done"
    assert fresh(earlier)[0] == state


def test_a_draft_is_left_alone_while_a_campaign_that_runs_still_calls_the_person(exotel: FarSide) -> None:
    number = people.phone(1)
    campaign = campaign_of(exotel)
    waiting = people.contact(campaign, phone=number)
    draft = people.campaign(campaign.account, status="draft", launched_at=None, lists=[people.contact_list([number])])
    exotel.call(number)
    gap_of(campaign)
    resume(campaign)
    assert fresh(waiting)[0] == "done"
    assert not draft.contacts.exists()


def test_nobody_else_enrols_a_campaign_while_a_page_of_the_list_is_written_down(exotel: FarSide) -> None:
    number = people.phone(1)
    campaign = campaign_of(exotel, lists=[people.contact_list([number])])
    exotel.call(number)
    gap_of(campaign)
    with CaptureQueriesContext(connection) as asked:
        resume(campaign)
    sql = [one["sql"] for one in asked]
    locked = next(
        place for place, one in enumerate(sql) if 'FROM "campaigns_campaign"' in one and "FOR NO KEY UPDATE" in one
    )
    assert locked < next(place for place, one in enumerate(sql) if 'INTO "campaigns_campaigncontact"' in one)


def test_a_call_that_still_goes_on_is_asked_about_and_holds_its_person(tmp_path: Path) -> None:
    with far_side(tmp_path, speed=1.0) as exotel:
        campaign = campaign_of(exotel)
        person = people.contact(campaign, phone=people.phone(22))
        exotel.call(person.phone, over=False)
        gap_of(campaign)
        assert kinds(resume(campaign)) == ["goes-on"]
        assert fresh(person)[0] == "in-call"
        assert person.attempts.get().check_at is not None


def test_a_call_that_goes_on_beside_another_campaigns_open_one_is_left_to_a_person(tmp_path: Path) -> None:
    """Nobody has two open calls: the page would be undone, and with it all that it showed."""
    with far_side(tmp_path, speed=1.0) as exotel:
        campaign = campaign_of(exotel)
        number = people.phone(22)
        elsewhere = people.contact(people.campaign(people.account()), phone=number)
        people.attempt(elsewhere, "placed", sid="1" * 32)
        person = people.contact(campaign, phone=number)
        exotel.call(number, over=False)
        gap_of(campaign)
        assert kinds(resume(campaign)) == ["recorded"]
        assert fresh(person)[0] == "uncertain"


# --------------------------------------------------------------------------------------------------------- the end
def test_when_it_is_closed_the_account_dials_and_the_next_start_finds_nothing(exotel: FarSide) -> None:
    campaign = campaign_of(exotel)
    other = people.campaign(campaign.account)
    person = people.contact(campaign, phone=people.phone(1))
    exotel.call(person.phone)
    gap = gap_of(campaign)
    found = resume(campaign)
    assert found.paused == [(other.pk, other.name)]
    assert people.pacer(campaign.account).held_code == ""
    assert Campaign.objects.get(pk=campaign.pk).status == "running"
    gap.refresh_from_db()
    assert (gap.closed_by, gap.found["recorded"]) == ("command line", 1)
    assert AuditEntry.objects.get(action="after restore").details["recorded"] == 1
    assert gaps.clear(campaign.account_id)
    control.resume(other.pk, by=COMMAND_LINE)


def test_without_any_witness_it_is_closed_as_well_and_numbers_leap(exotel: FarSide) -> None:
    campaign = campaign_of(exotel)
    exotel.call(people.contact(campaign).phone)
    gap_of(campaign, called_until=None, witnessed=0)
    before = gaps.last_number()
    resume(campaign)
    assert gaps.last_number() >= before + gaps.BLIND_LEAP
    assert gaps.clear(campaign.account_id)
    assert list(Path(settings.WITNESS_DIR).glob("*.txt"))


def test_nobody_is_dialled_before_the_do_not_call_list_is_said_to_be_back(exotel: FarSide) -> None:
    campaign = campaign_of(exotel)
    exotel.call(people.contact(campaign).phone)
    gap = gap_of(campaign)
    found = restoring.resume(campaign.pk, by=COMMAND_LINE)
    campaign.refresh_from_db()
    gap.refresh_from_db()
    assert (kinds(found), gap.closed_at is None) == (["recorded"], False)
    assert campaign.status == "paused"
    assert "asked not to be called" in campaign.paused_reason
    control.resume(campaign.pk, by=COMMAND_LINE)


def test_a_campaign_that_was_paused_for_another_reason_stays_paused(exotel: FarSide) -> None:
    campaign = campaign_of(exotel, status="paused", paused_by="meera", paused_reason="The text is wrong.")
    exotel.call(people.contact(campaign).phone)
    gap = gap_of(campaign)
    resume(campaign)
    campaign.refresh_from_db()
    gap.refresh_from_db()
    assert (campaign.status, campaign.paused_reason) == ("paused", "The text is wrong.")
    assert gap.closed_at is not None


def test_a_scheduled_campaign_does_not_start_before_the_do_not_call_list_is_back(exotel: FarSide) -> None:
    campaign = campaign_of(exotel)
    exotel.call(people.contact(campaign).phone)
    people.campaign(campaign.account, name="Tomorrow", status="scheduled", scheduled_at=timezone.now())
    gap_of(campaign)
    with pytest.raises(NotAllowed, match="Tomorrow"):
        restoring.resume(campaign.pk, by=COMMAND_LINE)
    assert people.pacer(campaign.account).held_code == "restored"
    resume(campaign)
    assert people.pacer(campaign.account).held_code == ""


def test_nothing_to_close_is_said_and_nothing_changed(exotel: FarSide) -> None:
    campaign = campaign_of(exotel, status="paused")
    with pytest.raises(NotAllowed, match="No call of this account is missing"):
        resume(campaign)
    assert Campaign.objects.get(pk=campaign.pk).status == "paused"


def test_it_is_too_early_while_the_last_calls_may_go_on(exotel: FarSide) -> None:
    campaign = campaign_of(exotel)
    gap_of(campaign, ready_at=timezone.now() + timedelta(minutes=12))
    with pytest.raises(NotAllowed, match="in 12 min"):
        resume(campaign)
    assert exotel.questions() == []


def test_a_list_that_lacks_a_call_which_is_known_is_not_believed(exotel: FarSide) -> None:
    """Another account's list, or one that is searched in the wrong zone."""
    campaign = campaign_of(exotel)
    people.attempt(people.contact(campaign), "ended", outcome="busy", sid="0" * 32, placed_at=timezone.now())
    gap_of(campaign)
    with pytest.raises(NotAllowed, match="does not show a call that this database knows"):
        resume(campaign)
    assert people.pacer(campaign.account).held_code == "restored"
    assert Campaign.objects.get(pk=campaign.pk).status == "paused"


@pytest.mark.parametrize("called_until", ["now", None])
def test_an_empty_list_is_not_believed_where_no_known_call_could_prove_it(
    exotel: FarSide, called_until: str | None
) -> None:
    campaign = campaign_of(exotel)
    person = people.contact(campaign)
    gap = gap_of(campaign, **({} if called_until else {"called_until": None}))
    with pytest.raises(NotAllowed, match="--last-calls-refused"):
        resume(campaign)
    gap.refresh_from_db()
    assert gap.closed_at is None
    assert people.pacer(campaign.account).held_code == "restored"
    assert restoring.resume(campaign.pk, by=COMMAND_LINE, last_calls_refused=True).listed == 0
    assert fresh(person)[0] == "pending"
    assert people.pacer(campaign.account).held_code == ""


def test_a_list_of_other_hours_is_not_believed_where_no_known_call_could_prove_it(exotel: FarSide) -> None:
    """As it is read in a wrong zone: calls there are, but none when the last one was made."""
    campaign = campaign_of(exotel)
    exotel.call(people.contact(campaign).phone)
    now = timezone.now()
    gap_of(campaign, called_until=now + timedelta(hours=5), found_at=now + timedelta(hours=6))
    with pytest.raises(NotAllowed, match="time zone"):
        resume(campaign)
    assert people.pacer(campaign.account).held_code == "restored"


def test_a_list_that_goes_round_in_circles_ends(exotel: FarSide, monkeypatch: pytest.MonkeyPatch) -> None:
    """Exotel's next page may be the page itself."""
    monkeypatch.setattr(client.ExotelClient, "_next_page", lambda self, address, following: address)
    campaign = campaign_of(exotel)
    exotel.call(people.contact(campaign).phone)
    gap_of(campaign)
    assert kinds(resume(campaign)) == ["recorded"]
    assert len([path for path in exotel.questions() if path.endswith("/Calls.json")]) == 2


def test_a_list_that_goes_round_in_circles_before_its_end_is_not_believed(
    exotel: FarSide, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(client.ExotelClient, "_next_page", lambda self, address, following: address)
    monkeypatch.setattr(restoring, "PAGE_SIZE", 1)
    campaign = campaign_of(exotel)
    exotel.call(people.contact(campaign).phone)
    gap_of(campaign)
    with pytest.raises(NotAllowed, match="in circles"):
        resume(campaign)
    assert people.pacer(campaign.account).held_code == "restored"


def test_a_carrier_that_is_away_leaves_everything_held(exotel: FarSide) -> None:
    campaign = campaign_of(exotel)
    gap_of(campaign)
    ExotelAccount.objects.update(api_url="http://127.0.0.1:9")
    with pytest.raises(NotAllowed, match="cannot be read"):
        resume(campaign)
    assert people.pacer(campaign.account).held_code == "restored"


def test_a_long_list_is_read_page_by_page_in_the_accounts_pace(
    exotel: FarSide, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(client, "PAGE_SIZE", 5)
    campaign = campaign_of(exotel)
    for person in people.contacts(campaign, [people.phone(12) for _ in range(12)]):
        exotel.call(person.phone)
    gap_of(campaign)
    before = people.pacer(campaign.account).next_dial_at
    assert resume(campaign).counts()["recorded"] == 12
    assert len([path for path in exotel.questions() if path.endswith("/Calls.json")]) == 3
    assert people.pacer(campaign.account).next_dial_at > before
    assert set(campaign.contacts.values_list("state", "last_outcome")) == {("done", "failed")}
