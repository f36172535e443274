from typing import Any

from campaigns import scheduling
from campaigns.audit import COMMAND_LINE
from campaigns.management.base import CampaignCommand


class Command(CampaignCommand):
    help = "A scheduled campaign is a draft again."

    def handle(self, **options: Any) -> None:
        campaign = self.campaign(options)
        scheduling.unschedule(campaign.pk, by=COMMAND_LINE)
        campaign.refresh_from_db()
        found = {"id": campaign.pk, "status": campaign.status}
        self.answer(options, found, f"Called off: {campaign.name} is {campaign.get_status_display().lower()}.")
