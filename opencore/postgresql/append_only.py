"""Tables to which nobody can do anything but add."""

import pgtrigger

REFUSE = """
    RAISE EXCEPTION '{what} are only ever added, not changed by %', TG_OP
        USING ERRCODE = 'restrict_violation',
              CONSTRAINT = '{constraint}';
"""


def append_only(what: str, *, constraint: str) -> tuple[pgtrigger.Trigger, ...]:
    """Return the triggers by which a table refuses every change of its rows."""
    refuse = REFUSE.format(what=what, constraint=constraint)
    return (
        pgtrigger.Trigger(
            name="append_only",
            level=pgtrigger.Statement,
            when=pgtrigger.Before,
            operation=pgtrigger.Update | pgtrigger.Delete,
            func=refuse,
        ),
        pgtrigger.Trigger(
            name="never_emptied",
            level=pgtrigger.Statement,
            when=pgtrigger.Before,
            operation=pgtrigger.Truncate,
            func=refuse,
        ),
    )
