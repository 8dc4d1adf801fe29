"""Gives each body in the API's description an example, made of its fields' names."""

from typing import Any

from opencore.describing.resolving import resolved

Json = dict[str, Any]
# What a field of this name may hold, wherever it is found and fits.
NAMED: Json = {
    "access_token": "eyJhbGciOiJIUzM4NCIsInR5cCI6IkpXVCJ9.e30.c2lnbmF0dXJl",
    "action": "member.added",
    "allowed_domains": ["example.com"],
    "amount_minor": 1999,
    "api_key": "ock_Ab3dE6gH9jK2_this-part-is-secret",
    "body": "You belong to Acme now.",
    "code": "12345678",
    "currency": "EUR",
    "codes": ["abcd-efghj-kmnpq"],
    "description": "June",
    "email": "ada@example.com",
    "expires_in": 900,
    "factors": ["totp"],
    "locale": "en",
    "name": "Acme",
    "networks": ["192.0.2.0/24"],
    "next_cursor": None,
    "period_seconds": 2_592_000,
    "plan": "pro",
    "prefix": "Ab3dE6gH9jK2",
    "provider": "manual",
    "reason": "the limit was raised",
    "refresh_token": "eyJhbGciOiJIUzM4NCIsInR5cCI6IkpXVCJ9.e30.cmVmcmVzaA",
    "request_id": "018f2f6e-7b1c-7c3a-9a4e-2f1d3c5b7a90",
    "role": "member",
    "scopes": ["members.read"],
    "secret": "JBSWY3DPEHPK3PXPJBSWY3DPEHPK3PXP",
    "slug": "acme",
    "ticket": "018f2f6e7b1c7c3a9a4e2f1d3c5b7a90.c2VjcmV0LXNlY3JldC1zZWNyZXQtc2VjcmV0LXNlY3I",
    "time_zone": "Europe/Berlin",
    "title": "Welcome",
    "token_type": "Bearer",
    "topic": "opencore.user.v1",
    "uri": "otpauth://totp/OpenCore:ada%40example.com?secret=JBSWY3DP&issuer=OpenCore",
    "type": "opencore.user.v1.user-created",
    "has_more": False,
}
FORMATTED: Json = {
    "uuid": "018f2f6e-7b1c-7c3a-9a4e-2f1d3c5b7a90",
    "date-time": "2028-02-29T12:00:00Z",
    "date": "2028-02-29",
    "email": "ada@example.com",
    "uri": "https://example.com/",
    "byte": "aGVsbG8=",
}
TYPES: dict[str, type | tuple[type, ...]] = {
    "string": str,
    "integer": int,
    "number": (int, float),
    "boolean": bool,
    "null": type(None),
    "object": dict,
    "array": list,
}


def add_examples(paths: Json, schemas: Json) -> None:
    """Give each JSON body, asked or answered, an example unless it has one."""
    for methods in paths.values():
        for operation in methods.values():
            bodies = [
                operation.get("requestBody", {}),
                *operation["responses"].values(),
            ]
            for body in bodies:
                content = body.get("content", {}).get("application/json")
                if content is not None and not {"example", "examples"} & set(content):
                    content["example"] = example_of(content["schema"], schemas)


def example_of(schema: Json, schemas: Json, name: str = "") -> Any:  # noqa: ANN401 -- JSON is any value
    """Return a value that the schema allows."""
    schema = resolved(schema, schemas)
    for known in ("example", "const", "default"):
        if known in schema:
            return schema[known]
    if "examples" in schema:
        return schema["examples"][0]
    options = schema.get("oneOf") or schema.get("anyOf")
    # Beside properties they say which of these go together.
    if options and "properties" not in schema:
        return example_of(options[0], schemas, name)
    if name in NAMED and _fits(NAMED[name], schema):
        return NAMED[name]
    if "enum" in schema:
        return schema["enum"][0]
    return _of_type(schema, schemas, name)


def _of_type(schema: Json, schemas: Json, name: str) -> Any:  # noqa: ANN401 -- as above
    match _types(schema):
        case ["object", *_]:
            return {
                key: example_of(each, schemas, key)
                for key, each in schema.get("properties", {}).items()
                if not each.get("writeOnly") and key not in _excluded(schema)
            }
        case ["array", *_]:
            return [example_of(schema["items"], schemas, name)]
        case ["integer" | "number", *_]:
            return max(schema.get("minimum", 1), 1)
        case ["boolean", *_]:
            return True
        case ["string", *_]:
            return FORMATTED.get(schema.get("format", ""), name or "text")
    # It may be anything.
    return {}


def _excluded(schema: Json) -> set[str]:
    # Of fields that exclude each other, the first stands in the example.
    options = [each.get("required", []) for each in schema.get("oneOf", [])]
    return {name for option in options[1:] for name in option}


def _types(schema: Json) -> list[str]:
    named = schema.get("type", "object" if "properties" in schema else [])
    return [named] if isinstance(named, str) else list(named)


def _fits(value: object, schema: Json) -> bool:
    if "enum" in schema:
        return value in schema["enum"]
    known = [TYPES[name] for name in _types(schema)]
    return any(isinstance(value, each) for each in known) and (
        schema.get("format", "email") in {"email", "int64"}
    )
