from django.db import migrations, models


class Migration(migrations.Migration):

    dependencies = [
        ('campaigns', '0017_read_cells'),
    ]

    operations = [
        migrations.AddField('contactimport', 'restoring', models.BooleanField(db_default=False, default=False)),
        migrations.AddField('contactimport', 'leaving', models.PositiveIntegerField(db_default=0, default=0)),
        migrations.AddField('contactimport', 'tried_at', models.DateTimeField(null=True)),
    ]
