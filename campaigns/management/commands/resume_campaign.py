from typing import Any

from campaigns import control
from campaigns.audit import COMMAND_LINE
from campaigns.management.base import CampaignCommand


class Command(CampaignCommand):
    help = "Go on: after a pause, or after what held the account (key, credit, KYC) was mended."

    def handle(self, **options: Any) -> None:
        campaign = self.campaign(options)
        control.resume(campaign.pk, by=COMMAND_LINE)
        campaign.refresh_from_db()
        found = {"id": campaign.pk, "status": campaign.status}
        self.answer(options, found, f"Resumed: {campaign.name} is {campaign.get_status_display().lower()}.")
