import django.db.models.deletion
from django.db import migrations, models


class Migration(migrations.Migration):

    dependencies = [
        ('campaigns', '0007_money_hours_heartbeat'),
    ]

    operations = [
        migrations.AddField(
            model_name='user',
            name='mail_on_stall',
            field=models.BooleanField(default=False),
        ),
        migrations.CreateModel(
            name='Stall',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('code', models.CharField(max_length=30)),
                ('reason', models.CharField(max_length=500)),
                ('began_at', models.DateTimeField()),
                ('told_at', models.DateTimeField(null=True)),
                ('ended_at', models.DateTimeField(null=True)),
                ('campaign', models.ForeignKey(on_delete=django.db.models.deletion.CASCADE, related_name='stalls', to='campaigns.campaign')),
            ],
            options={
                'constraints': [models.UniqueConstraint(condition=models.Q(('ended_at__isnull', True)), fields=('campaign',), name='one_open_stall_per_campaign')],
            },
        ),
    ]
