"""Rows of changed routes tell whether programs are let through by API keys."""

from django.db import migrations, models


class Migration(migrations.Migration):
    """Add what is null for the version before, which does not know it."""

    dependencies = [("gateway_proxy", "0001_keep_route_tables")]

    operations = [
        migrations.AddField(
            model_name="route",
            name="api_keys",
            field=models.BooleanField(null=True),
        ),
    ]
