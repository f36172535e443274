from django.db import migrations, models


class Migration(migrations.Migration):

    dependencies = [
        ('campaigns', '0013_references_by_statement'),
    ]

    operations = [
        migrations.AddField('contactlist', 'types', models.JSONField(default=dict)),
        migrations.AddField('contactimport', 'options', models.JSONField(default=dict)),
        migrations.AddField('contactimport', 'flagged', models.PositiveIntegerField(default=0)),
        migrations.AddField('contactimport', 'suppressed', models.PositiveIntegerField(default=0)),
        migrations.AddField('contactimport', 'repairs', models.JSONField(default=dict)),
        migrations.AddField('importissue', 'column', models.CharField(blank=True, default='', max_length=100)),
        migrations.AlterField('importissue', 'kind', models.CharField(choices=[('duplicate', 'Duplicate'), ('rejected', 'Rejected'), ('flagged', 'Taken and flagged')], max_length=10)),
        migrations.AddField('contact', 'alternatives', models.JSONField(default=list)),
        migrations.AddField('contact', 'language', models.CharField(blank=True, default='', max_length=100)),
        migrations.AddField('contact', 'external_id', models.CharField(blank=True, default='', max_length=100)),
        migrations.AddField('contact', 'consent', models.CharField(blank=True, default='', max_length=100)),
        migrations.AddField('contact', 'flag', models.CharField(blank=True, default='', max_length=300)),
    ]
