"""The pace and the slots of a campaign that runs, changed without a pause."""

from decimal import Decimal

from campaigns.forms.fields import PlainForm, share_field, simple, whole_field
from campaigns.models import Campaign


class PaceForm(PlainForm):
    """As on the campaign's own form."""

    calls_per_second = share_field("Calls per second", 100, "a number of calls")
    max_concurrent = whole_field("Calls at the same time", 1, 10_000, "calls")

    @classmethod
    def of(cls, campaign: Campaign) -> "PaceForm":
        """With what the campaign has now."""
        now: dict[str, Decimal | int] = {
            "calls_per_second": simple(campaign.calls_per_second),
            "max_concurrent": campaign.max_concurrent,
        }
        return cls(initial=now)
