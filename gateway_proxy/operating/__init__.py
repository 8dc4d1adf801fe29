"""The REST endpoints of operators for the route table, below /v1/ops/gateway/."""
