"""The pace and the slots of a campaign that runs, changed without a pause."""

from decimal import Decimal
from typing import Any

from campaigns.forms.fields import PlainForm, whole_field
from campaigns.models import Campaign

MOST = 6_000  # calls a minute that anybody may ask for
THOUSANDTH = Decimal("0.001")


class PaceForm(PlainForm):
    """Whole calls a minute, as the slider gives them, and slots."""

    per_minute = whole_field("Target pace", 1, MOST, "calls a minute")
    max_concurrent = whole_field("Calls at the same time", 1, 10_000, "calls")

    @classmethod
    def of(cls, campaign: Campaign) -> "PaceForm":
        """With what the campaign has now."""
        pace = max(1, round(60 * campaign.calls_per_second))
        return cls(initial={"per_minute": pace, "max_concurrent": campaign.max_concurrent})

    @property
    def change(self) -> dict[str, Any]:
        """What `adjusting.adjust` takes."""
        per_second = (Decimal(self.cleaned_data["per_minute"]) / 60).quantize(THOUSANDTH)
        return {"calls_per_second": per_second, "max_concurrent": self.cleaned_data["max_concurrent"]}
