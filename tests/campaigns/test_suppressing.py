"""The do-not-call list: complete from the moment of the commit, and numbers never stand in the audit."""

import threading

import pytest
from django.db import connections, transaction

from campaigns import intents, suppressing
from campaigns.audit import COMMAND_LINE, Actor
from campaigns.intents import Intent
from campaigns.models import AuditEntry, CallAttempt, Pacer, Suppression, User
from campaigns.owners import Owner
from campaigns.refusals import NotAllowed
from tests import people


@pytest.mark.django_db
class TestTheList:
    def test_a_number_is_added_once_with_its_reason_and_who_added_it(self, meera: User) -> None:
        numbers = ["+919000000001", "+919000000002", "+919000000001"]
        assert suppressing.suppress(numbers, reason="asked by letter", by=Actor.of(meera)) == 2
        assert suppressing.suppress(numbers[:1], reason="again", by=COMMAND_LINE) == 0
        entry = Suppression.objects.get(phone=numbers[0])
        assert (entry.reason, entry.source, entry.added_by) == ("asked by letter", "operator", meera)

    def test_a_long_reason_is_cut(self) -> None:
        suppressing.suppress(["+919000000001"], reason="x" * 500, by=COMMAND_LINE)
        assert len(Suppression.objects.get().reason) == 200

    def test_the_audit_counts_and_names_nobody(self) -> None:
        suppressing.suppress(["+919000000001"], reason="asked", by=COMMAND_LINE)
        suppressing.unsuppress(["+919000000001", "+919000000002"], by=COMMAND_LINE)
        added, removed = AuditEntry.objects.order_by("pk")
        assert added.details == {"added": 1, "reason": "asked", "source": "operator"}
        assert (removed.action, removed.details) == ("unsuppress", {"removed": 1})

    def test_who_is_taken_off_may_be_called_again(self) -> None:
        suppressing.suppress(["+919000000001"], reason="asked", by=COMMAND_LINE)
        assert suppressing.unsuppress(["+919000000001"], by=COMMAND_LINE) == 1
        assert not Suppression.objects.exists()

    def test_numbers_are_read_as_people_write_them(self) -> None:
        assert suppressing.read_numbers(["90000 01001", "+65 8123 4567"], "IN") == ["+919000001001", "+6581234567"]

    def test_one_that_cannot_be_read_is_named_and_none_is_taken(self) -> None:
        with pytest.raises(NotAllowed) as refused:
            suppressing.read_numbers(["9000001001", "12", "nobody"], "IN")
        assert [sentence.split(":")[0] for sentence in refused.value.problems] == ["“12”", "“nobody”"]


@pytest.mark.django_db(transaction=True)
def test_after_the_commit_no_intent_is_granted_and_one_before_it_is_seen_to_its_end() -> None:
    campaign = people.campaign()
    [contact] = people.contacts(campaign, 1)
    waiting = threading.Event()

    def suppress() -> None:
        try:
            waiting.set()
            suppressing.suppress([contact.phone], reason="asked", by=COMMAND_LINE)
        finally:
            connections.close_all()

    thread = threading.Thread(target=suppress)
    with transaction.atomic():
        list(Pacer.objects.select_for_update())  # an intent is being written
        thread.start()
        assert waiting.wait(5)
        thread.join(0.3)
        assert thread.is_alive()  # it waits for the intent's end
        assert not Suppression.objects.exists()
    thread.join(10)
    assert Suppression.objects.count() == 1

    owner = Owner()
    try:
        assert not isinstance(intents.next_intent(campaign.account_id, owner.number), Intent)
    finally:
        owner.close()
    contact.refresh_from_db()
    assert (contact.state, contact.reason) == ("skipped", "On the do-not-call list: asked")
    assert not CallAttempt.objects.exists()
