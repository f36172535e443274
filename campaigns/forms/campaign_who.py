"""Step 1 of writing a campaign: its name, who is called, and why."""

from collections.abc import Mapping
from dataclasses import replace
from typing import TYPE_CHECKING, Any, cast

from django import forms
from django.http import QueryDict

from campaigns import calling_hours, filters, tallies
from campaigns.creating import CampaignPlan
from campaigns.filters import BadFilter
from campaigns.forms.fields import PlainForm
from campaigns.models import ContactList, Purpose
from campaigns.templatetags.dialer import plural

if TYPE_CHECKING:
    _ListsField = forms.ModelMultipleChoiceField[ContactList]
else:
    _ListsField = forms.ModelMultipleChoiceField


class PeopleField(_ListsField):
    """Contact lists, each with how many people are on it."""

    widget = forms.CheckboxSelectMultiple
    people: Mapping[int, int] = {}

    def label_from_instance(self, obj: Any) -> str:
        return f"{obj.name}, {plural(self.people[obj.pk], 'person,people')}"


class WhoForm(PlainForm):
    """Who is called."""

    name = forms.CharField(
        label="Campaign name",
        max_length=120,
        help_text="Seen by your team only",
        error_messages={"required": "Give the campaign a name."},
    )
    lists = PeopleField(
        label="Contact lists",
        queryset=ContactList.objects.none(),
        help_text="Somebody who is on two of them is called once.",
        error_messages={"required": "Choose at least one list."},
    )
    purpose = forms.ChoiceField(
        label="Purpose",
        choices=Purpose.choices,
        help_text="It decides the widest legal calling hours.",
    )

    def __init__(self, data: Any = None, files: Any = None, *, draft: CampaignPlan) -> None:
        """`draft` is the campaign as it stands."""
        lists = [one.pk for one in draft.lists]
        super().__init__(data, files, initial={"name": draft.name, "lists": lists, "purpose": draft.purpose})
        self.draft = draft
        self.refused = BadFilter()  # what is wrong with the conditions, by the place of their row
        people: PeopleField = self.fields["lists"]  # type: ignore[assignment]
        people.queryset = ContactList.objects.order_by("-created_at", "-pk")
        people.people = tallies.people_on(people.queryset.values_list("pk", flat=True))

    def clean(self) -> dict[str, Any]:
        """The conditions, too, which are no fields of the form: any number of rows of three each."""
        given = self.cleaned_data
        try:
            given["audience"] = filters.parse(cast("QueryDict", self.data), given.get("lists", ()))
        except BadFilter as refused:
            self.refused = refused
            for problem in refused.problems:
                self.add_error(None, problem)
        return given

    def plan(self) -> CampaignPlan:
        """The draft with what this step says; hours wider than the law allows for its purpose are narrowed."""
        given = self.cleaned_data
        who = {"lists": list(given["lists"]), "audience": given["audience"]}
        changed = replace(self.draft, name=given["name"], purpose=given["purpose"], **who)
        limit = calling_hours.ceiling(given["purpose"], simulated=self.draft.account.simulated)
        if changed.window and not calling_hours.within(changed.window, limit):
            return replace(changed, window=calling_hours.narrowed(changed.window, limit))
        return changed

    def told(self) -> str:
        """What else was changed by this step, for the operator; '' if nothing was."""
        window = self.plan().window
        return f"Calling hours are {window} now: the widest for this purpose." if window != self.draft.window else ""
