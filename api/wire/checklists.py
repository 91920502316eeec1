"""The JSON of the checklists that ship. It does not know HTTP."""

from typing import Self

from pydantic import BaseModel

from api.wire.comparison import ItemOut
from qa.checklists.checklist import Checklist, shipped_checklist, shipped_names


class ChecklistOut(BaseModel):
    """A checklist with its items."""

    name: str
    title: str
    about: str
    items: list[ItemOut]

    @classmethod
    def of(cls, checklist: Checklist) -> Self:
        """`checklist` as JSON."""
        return cls(
            name=checklist.name,
            title=checklist.title,
            about=checklist.about,
            items=list(map(ItemOut.of, checklist.items)),
        )


class ChecklistsResponse(BaseModel):
    """The checklists that ship, by name."""

    checklists: list[ChecklistOut]

    @classmethod
    def shipped(cls) -> Self:
        """All of them as JSON."""
        return cls(checklists=[ChecklistOut.of(shipped_checklist(name)) for name in shipped_names()])
