from django.db import migrations, models


class Migration(migrations.Migration):

    dependencies = [
        ('campaigns', '0014_import_options'),
    ]

    operations = [
        migrations.AlterField('contactimport', 'status', models.CharField(choices=[('uploaded', 'Uploaded'), ('queued', 'Queued'), ('running', 'Importing'), ('done', 'Imported'), ('failed', 'Failed'), ('cancelled', 'Cancelled'), ('undoing', 'Undoing'), ('undone', 'Undone')], default='uploaded', max_length=10)),
        migrations.AddField('contactimport', 'name', models.CharField(blank=True, default='', max_length=120)),
        migrations.AddField('contactimport', 'digest', models.CharField(blank=True, db_index=True, default='', max_length=64)),
        migrations.AddField('contactimport', 'updated', models.PositiveIntegerField(default=0)),
        migrations.AddField('contactimport', 'removed', models.PositiveIntegerField(default=0)),
        migrations.AddField('contactimport', 'undone', models.PositiveIntegerField(default=0)),
        migrations.AddField('contactimport', 'kept', models.PositiveIntegerField(default=0)),
        migrations.AddField('contactimport', 'cursor', models.BigIntegerField(default=0)),
        migrations.RemoveIndex('contactimport', 'import_waiting'),
        migrations.AddIndex('contactimport', models.Index(condition=models.Q(('status__in', ('queued', 'running', 'undoing'))), fields=['created_at'], name='import_waiting')),
        migrations.AddField('contact', 'changed_by', models.BigIntegerField(null=True)),
        migrations.AddField('contact', 'before', models.JSONField(null=True)),
        migrations.AddIndex('contact', models.Index(condition=models.Q(('external_id', ''), _negated=True), fields=['contact_list', 'external_id'], name='person_by_external_id')),
    ]
