"""A disposition without a meaning is no response."""

import pytest

from campaigns import progress
from tests import people

pytestmark = pytest.mark.django_db


def test_who_hung_up_or_pressed_nothing_did_not_respond() -> None:
    campaign = people.campaign()
    for kind, words in (("none", "Hung up before the end"), ("none", "No key pressed"), ("stop", "Do not call again")):
        people.contact(campaign, tries=1, last_outcome="answered", disposition=words, disposition_kind=kind)
    steps = {step.label: step.count for step in progress.funnel(campaign.pk)}
    assert (steps["Answered"], steps["Responded"], steps["Goal"]) == (3, 1, 0)
