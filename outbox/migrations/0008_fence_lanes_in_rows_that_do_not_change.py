"""A lane's epoch once more, in a row that changes only when the lane changes hands."""

from django.db import migrations, models

# Whoever takes a lane, also a relay of the release before, moves its fence.
CREATE_TRIGGER = """
create function outbox_move_fence() returns trigger language plpgsql as $$
begin
    insert into outbox_fence (lane, epoch) values (new.lane, new.epoch)
    on conflict (lane) do update set epoch = excluded.epoch;
    return null;
end
$$;

create trigger outbox_lane_is_taken
    after insert or update of epoch on outbox_lane for each row
    execute function outbox_move_fence();

insert into outbox_fence (lane, epoch) select lane, epoch from outbox_lane;
"""

DROP_TRIGGER = """
drop trigger outbox_lane_is_taken on outbox_lane;
drop function outbox_move_fence();
"""


class Migration(migrations.Migration):
    """Create the fence, and let it move with the lanes."""

    dependencies = [("outbox", "0007_let_requests_only_add_events")]

    operations = [
        migrations.CreateModel(
            name="Fence",
            fields=[
                (
                    "lane",
                    models.SmallIntegerField(primary_key=True, serialize=False),
                ),
                ("epoch", models.BigIntegerField()),
            ],
            options={"db_table": "outbox_fence"},
        ),
        migrations.RunSQL(CREATE_TRIGGER, DROP_TRIGGER),
    ]
