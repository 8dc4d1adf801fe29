"""Reads a request through a serializer, or says what is wrong with it."""

from collections.abc import Mapping
from typing import Any, ClassVar

from django.http import QueryDict
from rest_framework import serializers
from rest_framework.request import Request

from opencore.errors import ValidationFailed
from opencore.problems.pointers import field_problems
from opencore.rest.strictness import unlike

UNKNOWN = serializers.ErrorDetail("There is no such field.", "unknown")


class StrictSerializer(serializers.Serializer[Any]):
    """Refuses fields that it does not know: a misspelled one is not a missing one.

    In a body it also refuses values that would have to be made others: "1" is no number.
    """

    # What `validate` holds to, for the description: of these fields exactly one is
    # given, and of those at most one.
    exactly_one: ClassVar[tuple[str, ...]] = ()
    at_most_one: ClassVar[tuple[str, ...]] = ()

    def to_internal_value(self, data: Any) -> Any:  # noqa: ANN401 -- the signature is the framework's
        """Return the validated values; unknown fields are errors of their own."""
        refused = self._refused(data)
        try:
            values = super().to_internal_value(data)
        except serializers.ValidationError as error:
            if isinstance(error.detail, dict):
                raise serializers.ValidationError(
                    {**error.detail, **refused}
                ) from error
            raise
        if refused:
            raise serializers.ValidationError(refused)
        return values

    def _refused(self, data: object) -> dict[str, Any]:
        if not isinstance(data, Mapping):
            return {}
        # The values of a query are all texts.
        typed = bool(self.context.get("json"))
        fields = self.fields.fields
        errors = {}
        for name, value in data.items():
            field = fields.get(name)
            if field is None or field.read_only:
                errors[str(name)] = [UNKNOWN]
            elif typed and (unfit := unlike(field, value)):
                errors[name] = unfit
        return errors


def read_body(
    serializer_class: type[serializers.Serializer[Any]], request: Request
) -> dict[str, Any]:
    """Return the body's validated fields; raises ValidationFailed."""
    context = {"request": request, "json": True}
    return _read(serializer_class(data=request.data, context=context))


def read_query(
    serializer_class: type[serializers.Serializer[Any]], request: Request
) -> dict[str, Any]:
    """Return the query's validated parameters; raises ValidationFailed."""
    query: QueryDict = request.query_params
    flat = {name: query.get(name) for name in query}
    return _read(serializer_class(data=flat, context={"request": request}))


def _read(serializer: serializers.Serializer[Any]) -> dict[str, Any]:
    try:
        serializer.is_valid(raise_exception=True)
    except serializers.ValidationError as error:
        raise ValidationFailed(
            errors=field_problems(error.get_full_details())
        ) from error
    return dict(serializer.validated_data)
