from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("campaigns", "0020_sheets")]

    operations = [
        migrations.AddField(model_name="stall", name="telling_at", field=models.DateTimeField(null=True)),
    ]
