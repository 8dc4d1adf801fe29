"""Lists that stay cheap however long their tables become."""

from typing import TYPE_CHECKING, Any, cast

from django.contrib.admin import ShowFacets
from django.contrib.admin.views.main import ChangeList
from django.core.paginator import Paginator
from django.db.models import Model, QuerySet
from django.http import HttpRequest
from django.utils.functional import cached_property

from opencore.admin import ReadOnlyAdmin

MOST_ROWS = 10_000

if TYPE_CHECKING:
    Pages = Paginator[Any]
else:
    # Django's class takes no parameter at run time, mypy's wants one.
    Pages = Paginator


class BoundedPages(Pages):
    """Pages of the first ten thousand rows; to count or skip more would read them."""

    most_rows = MOST_ROWS

    @cached_property
    def count(self) -> int:
        """Return the number of rows, as far as they are shown."""
        rows = cast("QuerySet[Any]", self.object_list)
        return rows.order_by().values("pk")[: self.most_rows].count()


class LinkedList(ChangeList):
    """A list whose rows lead to where their page can be found by an index."""

    def url_for_result(self, result: Model) -> str:
        """Return the address of a row's page."""
        page = self.model_admin
        assert isinstance(page, BigTableAdmin)  # noqa: S101 -- nobody else uses this list
        return f"{page.name_of(result)}/change/"


class BigTableAdmin(ReadOnlyAdmin):
    """A page of a table that nobody may count and that is not found by id alone."""

    paginator = BoundedPages
    show_full_result_count = False
    show_facets = ShowFacets.NEVER
    list_per_page = 50
    list_max_show_all = 0
    actions = None

    class Media:
        css = {"all": ["outbox/admin.css"]}

    def get_changelist(self, request: HttpRequest, **kwargs: Any) -> type[ChangeList]:  # noqa: ARG002 -- the signature is Django's
        """Return the list with links of its own."""
        return LinkedList

    def name_of(self, row: Any) -> str:  # noqa: ANN401 -- a row of any of the tables
        """Return what finds the row by an index."""
        return str(row.pk)
