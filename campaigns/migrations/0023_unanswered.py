from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("campaigns", "0022_unheard")]

    operations = [
        migrations.AddField(
            model_name="pacer",
            name="unanswered",
            field=models.CharField(blank=True, db_default="", default="", max_length=300),
        ),
        migrations.AddField(model_name="pacer", name="unanswered_since", field=models.DateTimeField(null=True)),
    ]
