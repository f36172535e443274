from django.db import migrations, models


class Migration(migrations.Migration):

    dependencies = [
        ('campaigns', '0015_undo_and_merge'),
    ]

    operations = [
        migrations.AddField('contact', 'kept', models.BooleanField(db_default=False, default=False)),
        migrations.AddIndex('contact', models.Index(condition=models.Q(('kept', True)), fields=['contact_list', 'phone'], name='person_kept')),
    ]
