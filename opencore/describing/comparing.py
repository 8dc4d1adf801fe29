"""Finds what would break a client between two descriptions of the API.

What is added breaks nobody: operations, optional parameters and fields that are asked,
fields that are answered. Unknown parameters and fields are refused, so that removing one
that could be sent breaks who sends it.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, Literal

from opencore.describing.resolving import resolved

Json = dict[str, Any]
Way = Literal["asked", "answered"]
LOWER = ("minimum", "minLength", "minItems")
UPPER = ("maximum", "maxLength", "maxItems")
DEEPEST = 12


def breaking_changes(old: Json, new: Json) -> list[str]:
    """Return a sentence for each change that breaks who relies on the old one."""
    comparison = _Comparison(old["components"]["schemas"], new["components"]["schemas"])
    found: list[str] = []
    for path, methods in old["paths"].items():
        for method, operation in methods.items():
            now = new["paths"].get(path, {}).get(method)
            name = f"{method.upper()} {path}"
            if now is None:
                found.append(f"{name} is gone.")
            else:
                found += comparison.of_operation(name, operation, now)
    return found


@dataclass(frozen=True, slots=True)
class _Comparison:
    old: Json
    new: Json

    def of_operation(self, name: str, old: Json, new: Json) -> Iterator[str]:
        if old["operationId"] != new["operationId"]:
            yield f"{name} has another operationId."
        if {} in old.get("security", [{}]) and {} not in new.get("security", [{}]):
            yield f"{name} asks for a token."
        yield from self._of_parameters(name, _parameters(old), _parameters(new))
        yield from self._of_bodies(name, old, new)
        yield from self._of_answers(name, old["responses"], new["responses"])

    def _of_parameters(self, name: str, old: Json, new: Json) -> Iterator[str]:
        for key, parameter in new.items():
            was = old.get(key, {})
            if parameter.get("required") and not was.get("required"):
                yield f"{name} requires the parameter {key}."
        for key, parameter in old.items():
            if key not in new:
                yield f"{name} takes the parameter {key} no more."
            else:
                yield from self.of_schemas(
                    f"{name} {key}", parameter["schema"], new[key]["schema"], "asked"
                )

    def _of_bodies(self, name: str, old: Json, new: Json) -> Iterator[str]:
        before, after = old.get("requestBody"), new.get("requestBody")
        if (
            after is not None
            and after.get("required")
            and not (before or {}).get("required")
        ):
            yield f"{name} requires a body."
        if before is not None and after is None:
            yield f"{name} takes no body any more."
        elif before is not None and after is not None:
            yield from self._of_content(f"{name} body", before, after, "asked")

    def _of_answers(self, name: str, old: Json, new: Json) -> Iterator[str]:
        for status, answer in old.items():
            if status.startswith("2") and status not in new:
                yield f"{name} answers {status} no more."
            elif status.startswith("2"):
                yield from self._of_content(
                    f"{name} {status}", answer, new[status], "answered"
                )

    def _of_content(self, where: str, old: Json, new: Json, way: Way) -> Iterator[str]:
        for media, content in old.get("content", {}).items():
            after = new.get("content", {}).get(media)
            if after is None:
                yield f"{where} is {media} no more."
            else:
                yield from self.of_schemas(
                    where, content["schema"], after["schema"], way
                )

    def of_schemas(
        self, where: str, old: Json, new: Json, way: Way, depth: int = 0
    ) -> Iterator[str]:
        old, new = resolved(old, self.old), resolved(new, self.new)
        if depth > DEEPEST or old == new == {}:
            return
        yield from _of_types(where, old, new, way)
        yield from _of_values(where, old, new)
        if way == "asked":
            yield from _of_bounds(where, old, new)
        yield from self._of_properties(where, old, new, way, depth)
        if "items" in old and "items" in new:
            yield from self.of_schemas(
                f"{where}[]", old["items"], new["items"], way, depth + 1
            )
        yield from self._of_options(where, old, new, way, depth)

    def _of_properties(
        self, where: str, old: Json, new: Json, way: Way, depth: int
    ) -> Iterator[str]:
        before, after = old.get("properties", {}), new.get("properties", {})
        must, must_now = set(old.get("required", ())), set(new.get("required", ()))
        if way == "asked":
            for name in sorted(must_now - must):
                yield f"{where} requires {name}."
        else:
            for name in sorted((must - must_now) & after.keys()):
                yield f"{where} may come without {name}."
        for name, schema in before.items():
            if name not in after:
                yield f"{where} has no {name} any more."
            else:
                yield from self.of_schemas(
                    f"{where}.{name}", schema, after[name], way, depth + 1
                )

    def _of_options(
        self, where: str, old: Json, new: Json, way: Way, depth: int
    ) -> Iterator[str]:
        before, after = old.get("oneOf", []), new.get("oneOf", [])
        if len(after) < len(before):
            yield f"{where} has fewer shapes."
        for one, other in zip(before, after, strict=False):
            yield from self.of_schemas(where, one, other, way, depth + 1)


def _parameters(operation: Json) -> Json:
    return {
        f"{each['name']} ({each['in']})": each
        for each in operation.get("parameters", ())
    }


def _of_types(where: str, old: Json, new: Json, way: Way) -> Iterator[str]:
    before, after = _types(old), _types(new)
    lost = (before - after) if way == "asked" else (after - before)
    if before and after and lost:
        yield f"{where} was {_named(before)} and is {_named(after)}."
    if old.get("format") != new.get("format"):
        yield f"{where} has another format."


def _of_values(where: str, old: Json, new: Json) -> Iterator[str]:
    if "enum" not in new:
        return
    lost = [value for value in old.get("enum", ()) if value not in new["enum"]]
    if lost or "enum" not in old:
        named = ", ".join(map(str, lost)) or "all but some values"
        yield f"{where} is never {named} any more."


def _of_bounds(where: str, old: Json, new: Json) -> Iterator[str]:
    for bound in LOWER:
        if bound in new and new[bound] > old.get(bound, float("-inf")):
            yield f"{where} has a greater {bound}."
    for bound in UPPER:
        if bound in new and new[bound] < old.get(bound, float("inf")):
            yield f"{where} has a smaller {bound}."
    if "pattern" in new and new["pattern"] != old.get("pattern"):
        yield f"{where} has another pattern."


def _types(schema: Json) -> set[str]:
    named = schema.get("type", ())
    return {named} if isinstance(named, str) else set(named)


def _named(types: set[str]) -> str:
    return " or ".join(sorted(types))
