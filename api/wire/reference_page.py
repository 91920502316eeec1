"""An OpenAPI schema as one page of plain HTML, for people: no script, nothing from elsewhere. It does not know what it
describes.
"""

import json
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

_TEMPLATE = Path(__file__).parents[1] / "web" / "reference.html"
_LIMITS = (
    ("minimum", "at least"),
    ("maximum", "at most"),
    ("minLength", "characters at least"),
    ("maxLength", "characters at most"),
    ("maxItems", "items at most"),
)


@dataclass(frozen=True, slots=True)
class Operation:
    """A method of a path, and what the schema says of it."""

    method: str
    path: str
    told: dict[str, Any]

    @property
    def anchor(self) -> str:
        """What a link to it ends in."""
        return f"{self.method}{self.path}".replace("/", "-").strip("-")


def reference_page(schema: dict[str, Any]) -> str:
    """`schema`, as FastAPI makes it, as a page."""
    # Only who opens the page needs a template engine.
    from jinja2 import Environment, StrictUndefined
    from markdown_it import MarkdownIt

    environment = Environment(autoescape=True, undefined=StrictUndefined, trim_blocks=True, lstrip_blocks=True)
    environment.filters |= {
        "type_parts": type_parts,
        "limits": limits,
        "as_json": as_json,
    }
    # OpenAPI's descriptions are Markdown; what is none in them is escaped.
    environment.filters["prose"] = MarkdownIt("commonmark", {"html": False}).renderInline
    operations = [
        Operation(method, path, told) for path, methods in schema["paths"].items() for method, told in methods.items()
    ]
    return environment.from_string(_TEMPLATE.read_text(encoding="utf-8")).render(
        info=schema["info"], operations=operations, schemas=schema.get("components", {}).get("schemas", {})
    )


def type_parts(schema: dict[str, Any]) -> Iterator[tuple[str, str | None]]:
    """A type in words, in pieces; beside each the name of the schema that it leads to.

    >>> [*type_parts({"type": "array", "items": {"$ref": "#/components/schemas/PassageOut"}})]
    [('list of ', None), ('PassageOut', 'PassageOut')]
    >>> [*type_parts({"anyOf": [{"type": "string", "format": "date"}, {"type": "null"}]})]
    [('string (date)', None), (' or ', None), ('null', None)]
    """
    if "$ref" in schema:
        name = schema["$ref"].rpartition("/")[2]
        yield name, name
    elif "anyOf" in schema:
        for place, each in enumerate(schema["anyOf"]):
            if place:
                yield " or ", None
            yield from type_parts(each)
    elif "enum" in schema:
        yield " | ".join(json.dumps(value) for value in schema["enum"]), None
    elif "const" in schema:
        yield json.dumps(schema["const"]), None
    elif schema.get("type") == "array":
        yield "list of ", None
        yield from type_parts(schema.get("items", {}))
    else:
        form = f" ({schema['format']})" if "format" in schema else ""
        yield f"{schema.get('type', 'anything')}{form}", None


def limits(schema: dict[str, Any]) -> str:
    """What a value must keep to, and what it is where it is left out.

    >>> limits({"type": "integer", "minimum": 1, "maximum": 100, "default": 5})
    'at least 1, at most 100; 5 if left out'
    """
    told = ", ".join(
        f"{words} {schema[key]:,.10g}" if words.startswith("at ") else f"{schema[key]:,} {words}"
        for key, words in _LIMITS
        if key in schema
    )
    default = f"{json.dumps(schema['default'])} if left out" if schema.get("default") not in (None, "", []) else ""
    return "; ".join(filter(None, (told, default)))


def as_json(value: object) -> str:
    """`value` as an example."""
    return json.dumps(value, indent=2, ensure_ascii=False)
