from django.db import models

from campaigns.models.campaigns import Campaign


class Breaker(models.Model):
    """What lately went wrong with the calls of a campaign, and whether that holds it; see `campaigns.breakers`.

    A row is written when something goes wrong, or for a campaign that begins (`trial`); without one all is well. It is
    apart from CampaignPace because callbacks write it, and an intent must not wait for the commit of a callback.
    `bad_talks` are talks in a row without a bot; `bad_calls` says how bad the last calls look (`campaigns.bad_lists`).
    What began before `since` says nothing about either. `unheard_since` is when somebody picked up after whom no stream
    has started. While `held_code` is set nobody is called but, once `probing`, one person.
    """

    campaign = models.OneToOneField(Campaign, on_delete=models.CASCADE, primary_key=True, related_name="breaker")
    trial = models.BooleanField(default=False)  # nothing is proved yet: few calls at a time
    bad_talks = models.PositiveSmallIntegerField(default=0)
    bad_calls = models.PositiveSmallIntegerField(default=0)
    since = models.DateTimeField(null=True)  # launch, resume, end of a hold, or the pick-up of the last bad talk
    unheard_since = models.DateTimeField(null=True)
    words = models.CharField(max_length=300, default="", blank=True)  # what went wrong last
    held_code = models.CharField(max_length=30, default="", blank=True)
    held_reason = models.TextField(default="", blank=True)
    held_since = models.DateTimeField(null=True)
    probe_at = models.DateTimeField(null=True)
    probing = models.BooleanField(default=False)
    tried_at = models.DateTimeField(null=True)  # when a call was last made to see whether it is over

    def __str__(self) -> str:
        return f"breaker of {self.campaign_id}"
