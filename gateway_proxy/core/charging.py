"""Says which buckets a request draws from."""

from gateway_proxy.core.decisions import Bucket, Charge
from gateway_proxy.core.messages import Incoming
from gateway_proxy.core.table import Route, RouteTable
from opencore.claims import AccessClaims, Claims, KeyClaims

# Of one table; then all are made anew.
MOST_KEPT = 10_000
# The name of a limit, whose bucket it is, and the plan that may say how large.
_Owner = tuple[str, str, str | None]


def charge_of(
    request: Incoming, route: Route, claims: Claims | None, table: RouteTable
) -> Charge:
    """Return what a request costs, in which buckets.

    A route's own limits come before those of a plan, and these before the table's. A
    limit of a route has buckets of its own. An organization is charged if the path
    names it and the token says that the bearer belongs to it. An API key has a bucket
    as a user has one, and is always charged to its organization.

    The charge of who has shown a token before, which is kept by whoever read it, is the
    same object again.
    """
    if not isinstance(claims, AccessClaims):
        return _new_charge(request, route, claims, table)
    known, charges = _kept_by(request, route, claims), table.charges
    charge = charges.get(known)
    # Whoever is charged lives as long as the charge, so no other can have the same id.
    if charge is None:
        if len(charges) >= MOST_KEPT:
            charges.clear()
        charge = charges[known] = _new_charge(request, route, claims, table)
    return charge


def _kept_by(
    request: Incoming, route: Route, claims: AccessClaims
) -> tuple[int, str, str, str | None]:
    """Return all that a charge depends on, beside the table."""
    named = _org_of(request.path, claims) if claims.org_ids else None
    return id(claims), route.prefix, request.client, named


def _new_charge(
    request: Incoming, route: Route, claims: Claims | None, table: RouteTable
) -> Charge:
    buckets = []
    for name, owner, plan in (*_owners_of(request, claims, table), ("route", "", None)):
        limit = table.limit_of(name, route, plan)
        if limit is not None:
            scope = route.prefix if name in route.limits else ""
            buckets.append(Bucket(f"{name}:{owner}{scope}", limit.policy, limit.shadow))
    return Charge(tuple(buckets), route.cost, route.when_down, claims)


def _owners_of(
    request: Incoming, claims: Claims | None, table: RouteTable
) -> list[_Owner]:
    network: _Owner = ("network", request.client, None)
    if claims is None:
        return [("address", request.client, None), network]
    if isinstance(claims, KeyClaims):
        org = str(claims.organization_id)
        plan = table.plan_of.get(claims.organization_id)
        return [("user", f"key:{claims.key_id}", plan), network, ("org", org, plan)]
    plan = _plan_of(claims, table)
    owners = [("user", claims.user, plan), network]
    named = _org_of(request.path, claims)
    return owners if named is None else [*owners, ("org", named, plan)]


def _plan_of(claims: AccessClaims, table: RouteTable) -> str | None:
    """Return the plan of the user, else the first that one of the orgs has."""
    if not table.plan_of:
        return None
    for owner in (claims.user_id, *claims.org_ids):
        plan = table.plan_of.get(owner)
        if plan is not None:
            return plan
    return None


def _org_of(path: str, claims: AccessClaims) -> str | None:
    if not claims.org_ids:
        return None
    segments = path.split("/")
    for org_id in claims.org_ids:
        if str(org_id) in segments:
            return str(org_id)
    return None
