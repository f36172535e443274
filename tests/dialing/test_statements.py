"""Statements by name: planned once a connection, whatever becomes of the transaction in which that happened."""

import pytest
from django.db import connection, transaction

from campaigns.lifecycle import DUE_CONTACTS
from campaigns.statements import Statement, ask, either, plan_anew

TWICE = Statement("test_twice", "SELECT %(number)s * 2, %(word)s || %(word)s", number="integer", word="text")


def test_values_go_where_they_are_named() -> None:
    assert TWICE.prepare == "PREPARE test_twice (integer, text) AS SELECT $1 * 2, $2 || $2"
    assert TWICE.execute == "EXECUTE test_twice (%(number)s, %(word)s)"
    assert either(DUE_CONTACTS) == "('pending', 'retry')"


@pytest.mark.django_db
def test_several_in_one_trip_answer_in_order() -> None:
    rows = ask(TWICE, "SELECT 7", TWICE, number=21, word="a'b")
    assert rows == [[(42, "a'ba'b")], [(7,)], [(42, "a'ba'b")]]


@pytest.mark.django_db(transaction=True)
def test_a_statement_outlives_the_transaction_in_which_it_was_prepared() -> None:
    """psycopg would forget all of them at a rollback if it prepared statements of its own (prepare_threshold)."""
    with transaction.atomic():
        ask(TWICE, number=1, word="")
        transaction.set_rollback(True)
    assert ask(TWICE, number=2, word="")[0] == [(4, "")]
    assert connection.connection.prepare_threshold is None


@pytest.mark.django_db(transaction=True)
def test_a_new_connection_prepares_anew() -> None:
    ask(TWICE, number=1, word="")
    connection.close()
    assert ask(TWICE, number=3, word="")[0] == [(6, "")]


@pytest.mark.django_db
def test_plans_can_be_made_anew_in_the_middle_of_a_transaction() -> None:
    ask(TWICE, number=1, word="")
    plan_anew()
    assert ask(TWICE, number=4, word="")[0] == [(8, "")]
