"""How many people a campaign is to take, for the pages that show it taking them."""

from django import template
from django.db.models import Sum

from campaigns import tallies
from campaigns.models import Campaign

register = template.Library()


@register.filter
def people_listed(campaign: Campaign) -> int:
    """How many people are on the campaign's lists; two lists that share a person count it twice."""
    return sum(tallies.people_on(campaign.list_links.values_list("contact_list_id", flat=True)).values())


@register.filter
def left_out(campaign: Campaign) -> int:
    """How many people of its lists did not match the campaign's audience when they were judged."""
    return campaign.list_links.aggregate(n=Sum("left_out"))["n"] or 0
