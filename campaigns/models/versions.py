from django.db import models

from campaigns.models.campaigns import Campaign


class CampaignVersion(models.Model):
    """Everything that shapes a campaign's calls, as it was from `at` on. A trigger refuses to change or delete it.

    The first is written by the launch, the others by each change of a launched campaign; see `campaigns.versions`,
    also for what `settings` holds. An attempt names the version that it was dialled under by its number.
    """

    campaign = models.ForeignKey(Campaign, on_delete=models.PROTECT, related_name="versions", db_index=False)
    number = models.PositiveIntegerField()
    at = models.DateTimeField()
    by_name = models.CharField(max_length=150)  # not the user's row: that may go, and this must not change
    settings = models.JSONField()

    class Meta:
        constraints = [models.UniqueConstraint(fields=["campaign", "number"], name="version_once_per_campaign")]

    def __str__(self) -> str:
        return f"version {self.number} of {self.campaign_id}"
