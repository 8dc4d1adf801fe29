"""What the operations of service accounts and API keys ask: people, who proved it."""

from accounts.roles import Permission
from tests.authorization.entry import Entry

ACCOUNTS, KEYS = Permission.SERVICE_ACCOUNTS_MANAGE, Permission.API_KEYS_MANAGE
ENTRIES: tuple[Entry, ...] = (
    Entry(operation="list_service_accounts", needs=ACCOUNTS),
    Entry(
        operation="create_service_account",
        needs=ACCOUNTS,
        body={"name": "deploy", "role": "member"},
        step_up=True,
    ),
    Entry(
        operation="read_service_account",
        needs=ACCOUNTS,
        path={"account_id": "service_account"},
    ),
    Entry(
        operation="update_service_account",
        needs=ACCOUNTS,
        body={"name": "another"},
        path={"account_id": "service_account"},
        step_up=True,
        if_match=True,
    ),
    Entry(
        operation="disable_service_account",
        needs=ACCOUNTS,
        path={"account_id": "service_account"},
        step_up=True,
    ),
    Entry(operation="list_api_keys", needs=KEYS),
    Entry(
        operation="create_api_key",
        needs=KEYS,
        body={"name": "deploy", "scopes": ["members.read"]},
        step_up=True,
    ),
    Entry(operation="read_api_key", needs=KEYS, path={"key_id": "api_key"}),
    Entry(
        operation="rotate_api_key",
        needs=KEYS,
        body={"overlap": 60},
        path={"key_id": "api_key"},
        step_up=True,
    ),
    Entry(
        operation="revoke_api_key",
        needs=KEYS,
        path={"key_id": "api_key"},
        step_up=True,
    ),
)
