"""Who told a mailed code can be given a ticket to go on to their second factor."""

from django.db import migrations, models


class Migration(migrations.Migration):
    """Name one more purpose of challenges; the table stays as it is."""

    dependencies = [("accounts", "0006_keep_people_apart")]
    operations = [
        migrations.AlterField(
            model_name="challenge",
            name="purpose",
            field=models.TextField(
                choices=[
                    ("login", "Login"),
                    ("email_change", "Email Change"),
                    ("step_up", "Step Up"),
                    ("admin_login", "Admin Login"),
                    ("second_factor", "Second Factor"),
                ]
            ),
        )
    ]
