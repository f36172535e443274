from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("campaigns", "0021_stall_told")]

    operations = [
        migrations.AddField(model_name="breaker", name="since", field=models.DateTimeField(null=True)),
        migrations.AddField(model_name="breaker", name="unheard_since", field=models.DateTimeField(null=True)),
    ]
