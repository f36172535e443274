"""What may be changed of a campaign while it runs: pace, slots, share, hours, end."""

from datetime import datetime
from typing import Any
from zoneinfo import ZoneInfo

from campaigns.adjusting import Adjustment
from campaigns.calling_hours import Window
from campaigns.forms.fields import (
    PlainForm,
    clock_field,
    end_field,
    read_end,
    share_field,
    simple,
    weight_field,
    whole_field,
)
from campaigns.models import Campaign


class LiveEditForm(PlainForm):
    """All of it at once; what stays as it is changes nothing."""

    calls_per_second = share_field("Calls per second", 100, "a number of calls", "0.5 is one call every two seconds")
    max_concurrent = whole_field("Calls at the same time", 1, 10_000, "calls", "At most; open calls go on")
    weight = weight_field()
    window_start = clock_field("Call from", "09:00")
    window_end = clock_field("Call until", "21:00", "The same time twice means all day")
    ends_at = end_field()

    def __init__(self, data: Any = None, *, campaign: Campaign) -> None:
        self._zone = ZoneInfo(campaign.time_zone)
        super().__init__(data, initial=_initial(campaign, self._zone))

    def clean_ends_at(self) -> datetime | None:
        """Aware, in the campaign's zone."""
        return read_end(self.cleaned_data["ends_at"], self._zone)

    @property
    def change(self) -> Adjustment:
        """What `adjusting.adjust` takes."""
        given = self.cleaned_data
        return {
            "calls_per_second": given["calls_per_second"],
            "max_concurrent": given["max_concurrent"],
            "weight": given["weight"],
            "window": Window(given["window_start"], given["window_end"]),
            "ends_at": given["ends_at"],
        }


def _initial(campaign: Campaign, zone: ZoneInfo) -> dict[str, Any]:
    found: dict[str, Any] = {name: getattr(campaign, name) for name in ("max_concurrent", "weight")}
    found |= {"window_start": campaign.window_start, "window_end": campaign.window_end}
    ends_at = campaign.ends_at.astimezone(zone) if campaign.ends_at else None
    return found | {"calls_per_second": simple(campaign.calls_per_second), "ends_at": ends_at}
