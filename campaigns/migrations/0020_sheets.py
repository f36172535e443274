from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("campaigns", "0019_audience")]

    operations = [
        migrations.AddField(
            model_name="contactimport",
            name="sheet",
            field=models.CharField(blank=True, default="", max_length=255),
        ),
        migrations.AddField(
            model_name="contactimport",
            name="sheets",
            field=models.JSONField(default=list),
        ),
        migrations.AddField(
            model_name="contactimport",
            name="workbook",
            field=models.FileField(blank=True, default="", max_length=255, upload_to="imports/"),
        ),
    ]
