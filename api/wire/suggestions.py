"""Suggestions as JSON. It does not know HTTP."""

from collections.abc import Sequence
from typing import Any, Self

from pydantic import BaseModel, ConfigDict, Field

from api.wire.schemas import CompanyOut
from qa.suggestions import Suggestion

_EXAMPLE: dict[str, Any] = {
    "suggestions": [
        {
            "question": "Does JivoChat notify me on acquisition?",
            "company": {"id": "jivochat.com", "name": "JivoChat"},
        }
    ],
    "index_version": "20261124T101500000000-0f1e2d3c",
}


class SuggestionOut(BaseModel):
    """A question that the index answers well as it stands."""

    question: str
    company: CompanyOut | None = Field(description="whom it is about; null: all companies")

    @classmethod
    def of(cls, suggestion: Suggestion) -> Self:
        """`suggestion` as JSON."""
        company = suggestion.company
        return cls(
            question=suggestion.question, company=CompanyOut(id=company.id, name=company.name) if company else None
        )


class SuggestionsResponse(BaseModel):
    """What may be asked: each question was put to this version of the index, and answered well."""

    model_config = ConfigDict(json_schema_extra={"examples": [_EXAMPLE]})

    suggestions: list[SuggestionOut]
    index_version: str

    @classmethod
    def of(cls, suggestions: Sequence[Suggestion], index_version: str) -> Self:
        """`suggestions` as JSON."""
        return cls(suggestions=[SuggestionOut.of(each) for each in suggestions], index_version=index_version)
