"""Assistants for the companies of a key, each made once for a published version. It does not know keys or HTTP.

An assistant holds nothing of other companies, so that whatever is asked of it, and by whichever endpoint, cannot tell
of them.
"""

import asyncio
from collections import OrderedDict
from collections.abc import Collection
from weakref import WeakKeyDictionary

from api.observability.logs import log
from index.policies.companies import Company
from qa.assistant import Assistant

# One for a few companies takes half a megabyte and two milliseconds to make; one for 5,000 seven and 400.
_MOST_KEPT = 100

Companies = tuple[str, ...]


class ScopedAssistants:
    """Makes the assistant for some companies when it is first asked for, in a thread, and keeps it."""

    def __init__(self) -> None:
        # they share the index of the whole one and do not refer to it: they go when it is exchanged
        self._made: WeakKeyDictionary[Assistant, OrderedDict[Companies, asyncio.Task[Assistant]]] = WeakKeyDictionary()

    async def of(self, assistant: Assistant, companies: Companies | None) -> Assistant:
        """`assistant` for those that `companies` name by id, name or domain; None: for all."""
        if companies is None:
            return assistant
        made = self._made.setdefault(assistant, OrderedDict())
        if companies not in made or (made[companies].done() and not _is_made(made[companies])):
            made[companies] = asyncio.create_task(asyncio.to_thread(_restricted, assistant, companies))
        made.move_to_end(companies)
        if len(made) > _MOST_KEPT:
            made.popitem(last=False)
        # whoever leaves must not take it from the others that wait for it
        return await asyncio.shield(made[companies])


def company_ids(names: Collection[str], companies: Collection[Company]) -> tuple[set[str], list[str]]:
    """The ids of those of `companies` that `names` mean, and the names that mean none, or more than one.

    A name means whom it is the id of, or else whose domain or own name it is. An alias is too little to open a policy.
    """
    ids = {company.id.casefold(): company.id for company in companies}
    found, left = set(), []
    for name in names:
        typed = name.strip().casefold()
        own = {each.id for each in companies if typed in {each.name.casefold(), *map(str.casefold, each.domains)}}
        meant = {ids[typed]} if typed in ids else own
        if len(meant) == 1:
            found |= meant
        else:
            left.append(name)
    return found, left


def _restricted(assistant: Assistant, companies: Companies) -> Assistant:
    found, left = company_ids(companies, assistant.index.companies.values())
    if left:
        log.warning("companies_of_key_not_found", companies=left, index_version=assistant.index.manifest.version)
    return assistant.restricted(found)


def _is_made(task: "asyncio.Task[Assistant]") -> bool:
    return not task.cancelled() and task.exception() is None
