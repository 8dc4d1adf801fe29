"""The tokens that OpenCore gives out and reads; nothing else here knows JWT."""

from opencore.tokens.errors import TokenExpired, TokenInvalid
from opencore.tokens.foreign import fetch_foreign_keys
from opencore.tokens.internal import mint_internal
from opencore.tokens.keys import kid_of
from opencore.tokens.keysets import own_key_set
from opencore.tokens.minting import mint_access, mint_refresh
from opencore.tokens.own import read_internal, read_internal_key, read_refresh
from opencore.tokens.reading import read_access
from opencore.tokens.rules import MOST_ORGANIZATIONS
from opencore.tokens.signed import LARGEST_TOKEN

__all__ = [
    "LARGEST_TOKEN",
    "MOST_ORGANIZATIONS",
    "TokenExpired",
    "TokenInvalid",
    "fetch_foreign_keys",
    "kid_of",
    "mint_access",
    "mint_internal",
    "mint_refresh",
    "own_key_set",
    "read_access",
    "read_internal",
    "read_internal_key",
    "read_refresh",
]
