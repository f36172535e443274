from django.db import models
from django.db.models import Q

from campaigns.models.campaigns import Campaign


class Stall(models.Model):
    """A time in which a campaign dialled nobody although it should have; written by `campaigns.stall_watch`.

    It ran, or Dialer itself had paused it or could not start it. `reason` is the latest one. `told_at` is when mail
    about it was sent, or would have been if somebody wanted any; `telling_at` when somebody last began to send it.
    """

    campaign = models.ForeignKey(Campaign, on_delete=models.CASCADE, related_name="stalls")
    code = models.CharField(max_length=30)
    reason = models.CharField(max_length=500)
    began_at = models.DateTimeField()
    telling_at = models.DateTimeField(null=True)
    told_at = models.DateTimeField(null=True)
    ended_at = models.DateTimeField(null=True)

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["campaign"], name="one_open_stall_per_campaign", condition=Q(ended_at__isnull=True)
            )
        ]

    def __str__(self) -> str:
        return f"stall of {self.campaign_id}"
