import django.db.models.deletion
from django.db import migrations, models


class Migration(migrations.Migration):

    dependencies = [
        ('campaigns', '0010_campaign_versions'),
    ]

    operations = [
        migrations.CreateModel(
            name='Breaker',
            fields=[
                ('campaign', models.OneToOneField(on_delete=django.db.models.deletion.CASCADE, primary_key=True, related_name='breaker', serialize=False, to='campaigns.campaign')),
                ('trial', models.BooleanField(default=False)),
                ('bad_talks', models.PositiveSmallIntegerField(default=0)),
                ('bad_calls', models.PositiveSmallIntegerField(default=0)),
                ('words', models.CharField(blank=True, default='', max_length=300)),
                ('held_code', models.CharField(blank=True, default='', max_length=30)),
                ('held_reason', models.TextField(blank=True, default='')),
                ('held_since', models.DateTimeField(null=True)),
                ('probe_at', models.DateTimeField(null=True)),
                ('probing', models.BooleanField(default=False)),
                ('tried_at', models.DateTimeField(null=True)),
            ],
        ),
        migrations.AddField(
            model_name='pacer',
            name='probe_seconds',
            field=models.PositiveIntegerField(db_default=0, default=0),
        ),
        migrations.AddField(
            model_name='pacer',
            name='backoff_reason',
            field=models.CharField(blank=True, db_default='', default='', max_length=300),
        ),
        migrations.AddField(
            model_name='pacer',
            name='slowed_at',
            field=models.DateTimeField(null=True),
        ),
        migrations.AddField(
            model_name='pacer',
            name='learnt_per_minute',
            field=models.PositiveIntegerField(null=True),
        ),
        migrations.AddField(
            model_name='pacer',
            name='learnt_at',
            field=models.DateTimeField(null=True),
        ),
        migrations.AddField(
            model_name='pacer',
            name='learnt_patience',
            field=models.PositiveSmallIntegerField(db_default=1, default=1),
        ),
        migrations.AddField(
            model_name='pacer',
            name='told_per_minute',
            field=models.PositiveIntegerField(null=True),
        ),
        migrations.AddField(
            model_name='pacer',
            name='told_at',
            field=models.DateTimeField(null=True),
        ),
        migrations.AddField(
            model_name='pacer',
            name='most_streams',
            field=models.PositiveIntegerField(null=True),
        ),
    ]
