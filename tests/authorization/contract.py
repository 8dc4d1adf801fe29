"""What the operations of sign-in, members, billing, feed and operators ask."""

from accounts.roles import Permission
from tests.authorization.entry import Entry

KEY = {"topic": "opencore.user.v1", "key": "{member}", "reason": "a test"}
WHY = {"reason": "a test"}

ACCOUNTS = (
    Entry(operation="request_code", needs="anybody", body={"email": "x@example.com"}),
    Entry(
        operation="verify_code",
        needs="anybody",
        body={"challenge_id": "{challenge}", "code": "00000000"},
    ),
    Entry(
        operation="refresh_session",
        needs="anybody",
        body={"refresh_token": "{refresh_token}"},
    ),
    Entry(
        operation="log_out",
        needs="anybody",
        body={"refresh_token": "{refresh_token}"},
    ),
    Entry(operation="read_me", needs="person"),
    Entry(operation="list_organizations", needs="person"),
    Entry(operation="create_organization", needs="person", body={"name": "Initech"}),
    Entry(operation="read_organization", needs=Permission.ORG_READ, keys=True),
    Entry(operation="list_members", needs=Permission.MEMBERS_READ, keys=True),
    Entry(
        operation="add_member",
        needs=Permission.MEMBERS_INVITE,
        body={"user_id": "{stranger}"},
        keys=True,
    ),
    Entry(
        operation="remove_member",
        needs=Permission.MEMBERS_REMOVE,
        path={"user_id": "member"},
        keys=True,
    ),
    Entry(operation="list_audit_events", needs=Permission.AUDIT_READ, keys=True),
)
BILLING = (
    Entry(operation="read_customer", needs="person"),
    Entry(operation="list_payments", needs="person"),
    Entry(
        operation="record_payment",
        needs="person",
        body={"amount_minor": 1, "currency": "EUR"},
    ),
    Entry(operation="read_payment", needs="person", path={"payment_id": "payment"}),
    Entry(operation="list_subscriptions", needs="person"),
    Entry(
        operation="subscribe",
        needs="person",
        body={"plan": "pro", "period_seconds": 60},
    ),
    Entry(
        operation="read_subscription",
        needs="person",
        path={"subscription_id": "subscription"},
    ),
)
NOTIFICATIONS = (
    Entry(operation="list_notifications", needs="person"),
    Entry(operation="count_unread_notifications", needs="person"),
    Entry(
        operation="mark_notification_read",
        needs="person",
        path={"notification_id": "notification"},
    ),
)
OUTBOX = (
    Entry(operation="read_outbox_status", needs="operator"),
    Entry(operation="list_dead_letters", needs="operator"),
    Entry(operation="group_dead_letters", needs="operator"),
    Entry(
        operation="read_dead_letter",
        needs="operator",
        path={"letter_id": "dead_letter"},
    ),
    Entry(operation="list_replays", needs="operator"),
    Entry(operation="plan_or_begin_replay", needs="operator", body={}),
    Entry(operation="read_replay", needs="operator", path={"operation_id": "replay"}),
    Entry(
        operation="list_replay_items",
        needs="operator",
        path={"operation_id": "replay"},
    ),
    Entry(operation="cancel_replay", needs="operator", path={"operation_id": "replay"}),
    Entry(operation="hold_key", needs="operator", body=KEY),
    Entry(operation="release_key", needs="operator", body=KEY),
    Entry(operation="skip_event", needs="operator", body=KEY),
    Entry(operation="pause_topic", needs="operator", path={"topic": "topic"}, body=WHY),
    Entry(
        operation="resume_topic", needs="operator", path={"topic": "topic"}, body=WHY
    ),
)
GATEWAY = (
    Entry(operation="read_gateway_table", needs="operator"),
    Entry(operation="list_gateway_routes", needs="operator"),
    Entry(operation="list_gateway_plans", needs="operator"),
    Entry(operation="list_gateway_assignments", needs="operator"),
    Entry(operation="list_gateway_versions", needs="operator"),
    Entry(
        operation="read_gateway_version",
        needs="operator",
        path={"version": "version"},
    ),
    Entry(
        operation="plan_or_publish_gateway_change",
        needs="operator",
        body={"change": {}},
    ),
    Entry(operation="list_gateway_processes", needs="operator"),
)
ENTRIES: tuple[Entry, ...] = (*ACCOUNTS, *BILLING, *NOTIFICATIONS, *OUTBOX, *GATEWAY)
