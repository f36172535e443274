from typing import Any

import django.db.models.deletion
from django.db import migrations, models

# A version says under what a call was dialled: it stays as it was written.
IMMUTABLE = """
CREATE FUNCTION campaigns_version_stays() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    RAISE EXCEPTION 'a campaign version is never changed or deleted' USING ERRCODE = 'restrict_violation';
END $$;
CREATE TRIGGER version_stays BEFORE UPDATE OR DELETE ON campaigns_campaignversion
    FOR EACH ROW EXECUTE FUNCTION campaigns_version_stays();
"""
MUTABLE = """
DROP TRIGGER version_stays ON campaigns_campaignversion;
DROP FUNCTION campaigns_version_stays();
"""
PLAIN = (
    *("name", "purpose", "mode", "bot", "bot_options", "flow_url", "passthru_branch", "passthru_result"),
    *("passthru_ends_call", "stream_parameters", "caller_id", "max_concurrent", "weight", "time_zone"),
    *("ring_timeout", "time_limit", "max_attempts", "unknown_policy", "record", "recording_channels", "sample_rate"),
    "stream_name",
)


def first_versions(apps: Any, _schema_editor: Any) -> None:
    """Campaigns that were launched before versions were kept: version 1 is how they are set now."""
    campaigns = apps.get_model("campaigns", "Campaign")
    versions = apps.get_model("campaigns", "CampaignVersion")
    for campaign in campaigns.objects.filter(launched_at__isnull=False).select_related("account").iterator():
        settings = _settings(campaign)
        versions.objects.create(
            campaign=campaign, number=1, at=campaign.launched_at, by_name="Dialer", settings=settings
        )
    campaigns.objects.filter(launched_at__isnull=False).update(version=1)


def _settings(campaign: Any) -> dict[str, Any]:
    rules = campaign.retry_rules.filter(times__gt=0).order_by("outcome")
    return {name: getattr(campaign, name) for name in PLAIN} | {
        "account": campaign.account.name,
        "calls_per_second": f"{campaign.calls_per_second.normalize():f}",
        "window": f"{campaign.window_start:%H:%M}-{campaign.window_end:%H:%M}",
        "ends_at": None,
        "lists": {str(one.pk): one.name for one in campaign.lists.order_by("pk")},
        "retries": {rule.outcome: [rule.times, f"{rule.delay_minutes.normalize():f}"] for rule in rules},
        "audio": dict(campaign.audio.order_by("option").values_list("option", "file_name")),
    }


class Migration(migrations.Migration):

    dependencies = [
        ('campaigns', '0009_hang_up'),
    ]

    operations = [
        migrations.AddField(
            model_name='campaign',
            name='ends_at',
            field=models.DateTimeField(blank=True, null=True),
        ),
        migrations.AddField(
            model_name='campaign',
            name='hang_up_by',
            field=models.CharField(blank=True, db_default='', default='', max_length=150),
        ),
        migrations.AddField(
            model_name='campaign',
            name='replan_after',
            field=models.BigIntegerField(blank=True, null=True),
        ),
        migrations.AddField(
            model_name='campaign',
            name='version',
            field=models.PositiveIntegerField(db_default=0, default=0),
        ),
        migrations.AddField(
            model_name='callattempt',
            name='campaign_version',
            field=models.PositiveIntegerField(db_default=1, default=1),
        ),
        migrations.CreateModel(
            name='CampaignVersion',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('number', models.PositiveIntegerField()),
                ('at', models.DateTimeField()),
                ('by_name', models.CharField(max_length=150)),
                ('settings', models.JSONField()),
                ('campaign', models.ForeignKey(db_index=False, on_delete=django.db.models.deletion.PROTECT, related_name='versions', to='campaigns.campaign')),
            ],
            options={
                'constraints': [models.UniqueConstraint(fields=('campaign', 'number'), name='version_once_per_campaign')],
            },
        ),
        migrations.RunSQL(IMMUTABLE, MUTABLE),
        migrations.RunPython(first_versions, migrations.RunPython.noop),
    ]
