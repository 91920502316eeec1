"""Word files (DOCX) as documents: unpacked within bounds, then read as HTML is."""

import zipfile
import zlib
from collections.abc import Mapping
from io import BytesIO
from posixpath import dirname, join, normpath

from lxml import etree

from index.errors import DamagedPolicy, NotText
from index.parsing.document import Document, Metadata
from index.parsing.docx_body import Parts, body_html
from index.parsing.docx_styles import local_name, value_of
from index.parsing.html import document_of, units_of
from index.parsing.html_content import whole_content

_OLE = b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1"
# A policy of 20 MB would be 100 MB of XML; text shrinks to a tenth, never to a five-hundredth.
_MAX_UNPACKED_BYTES = 100_000_000
_MAX_RATIO = 500
_RATIO_COUNTS_FROM_BYTES = 1_000_000
_MAX_PARTS = 10_000


def parse_docx(data: bytes, *, path: str) -> Document:
    """The document that the Word file `data` is; see `Parser`."""
    package = _Package(data, path=path)
    main = package.target("", "/officeDocument")
    body = package.xml(main) if main else None
    if main is None or body is None or local_name(body) != "document":
        raise DamagedPolicy(f"{path}: a ZIP file that holds no Word document; save it as .docx and give that file")
    parts = Parts(
        document=body,
        styles=package.related(main, "/styles"),
        numbering=package.related(main, "/numbering"),
        notes={sort: package.related(main, f"/{sort}s") for sort in ("footnote", "endnote")},
        links=package.links(main),
    )
    root = body_html(parts)
    units = units_of(root, whole_content(root), address=None, page=False)
    empty = f"{path}: holds no text (scanned pages as pictures?); give a file with text in it"
    return document_of(units, _metadata(package, parts), empty=empty)


class _Package:
    """The parts of an Office file, each read once and only within bounds."""

    def __init__(self, data: bytes, *, path: str) -> None:
        self._path = path
        if data.startswith(_OLE):
            raise self._ole(data)
        try:
            self._zip = zipfile.ZipFile(BytesIO(data))
        except (zipfile.BadZipFile, ValueError, NotImplementedError) as error:
            raise DamagedPolicy(
                f"{path}: no Word file, or one that is cut short ({error}); save it again in a word processor"
            ) from error
        parts = self._zip.infolist()
        unpacked = sum(part.file_size for part in parts)
        bomb = unpacked > _RATIO_COUNTS_FROM_BYTES and unpacked > _MAX_RATIO * len(data)
        if unpacked > _MAX_UNPACKED_BYTES or bomb or len(parts) > _MAX_PARTS:
            raise DamagedPolicy(
                f"{path}: {len(data):,} bytes that unpack to {unpacked:,} in {len(parts):,} parts, more than a policy "
                f"has ({_MAX_UNPACKED_BYTES:,}, or {_MAX_RATIO} times its size); it is not read"
            )
        if any(part.flag_bits & 1 for part in parts):
            raise DamagedPolicy(f"{path}: encrypted; save it without a password and give that file")
        self._names = {part.filename.lower(): part.filename for part in parts}

    def _ole(self, data: bytes) -> NotText | DamagedPolicy:
        if "EncryptedPackage".encode("utf-16-le") in data:
            return DamagedPolicy(f"{self._path}: encrypted with a password; save it without one and give that file")
        return NotText(f"{self._path}: a Word file of before 2007 (.doc) or another old Office file; save it as .docx")

    def xml(self, name: str) -> etree._Element | None:
        """The root element of the part `name`, or None if there is none such.

        Raises:
            DamagedPolicy: it is no XML, or declares entities.
        """
        stored = self._names.get(name.lower())
        if stored is None:
            return None
        try:
            data = self._zip.read(stored)
            if b"<!DOCTYPE" in data or b"<!ENTITY" in data:
                raise DamagedPolicy(f"{self._path}: {name} declares entities, which no Word file does; it is not read")
            parser = etree.XMLParser(resolve_entities=False, no_network=True, load_dtd=False)
            root = etree.fromstring(data, parser)
        except (zipfile.BadZipFile, zlib.error, EOFError, NotImplementedError, RuntimeError) as error:
            raise DamagedPolicy(
                f"{self._path}: {name} cannot be unpacked ({error}); open it in a word processor and save it again"
            ) from error
        except etree.XMLSyntaxError as error:
            raise DamagedPolicy(
                f"{self._path}: {name} is no readable XML ({error}); save it again in a word processor"
            ) from error
        if root.getroottree().docinfo.doctype:  # type: ignore[union-attr]
            raise DamagedPolicy(
                f"{self._path}: {name} declares a document type, which no Word file does; it is not read"
            )
        return root

    def _relations(self, name: str) -> list[Mapping[str, str]]:
        folder, _, base = name.rpartition("/")
        root = self.xml(f"{folder}/_rels/{base}.rels" if folder else f"_rels/{base}.rels")
        return (
            [{str(key): str(value) for key, value in each.attrib.items()} for each in root] if root is not None else []
        )

    def target(self, name: str, sort: str) -> str | None:
        """The name of the part that `name` is related to as `sort`."""
        for relation in self._relations(name):
            if relation.get("Type", "").endswith(sort) and relation.get("TargetMode") != "External":
                target = relation.get("Target", "")
                return target.lstrip("/") if target.startswith("/") else normpath(join(dirname(name), target))
        return None

    def related(self, name: str, sort: str) -> etree._Element | None:
        """The root element of the part that `name` is related to as `sort`."""
        target = self.target(name, sort)
        return self.xml(target) if target else None

    def links(self, name: str) -> dict[str, str]:
        """The addresses that `name` links to, by their ids."""
        return {
            relation.get("Id", ""): relation.get("Target", "")
            for relation in self._relations(name)
            if relation.get("Type", "").endswith("/hyperlink")
        }


def _metadata(package: _Package, parts: Parts) -> Metadata:
    core = package.related("", "/core-properties")
    found = {local_name(child): (child.text or "").strip() for child in core} if core is not None else {}
    language = found.get("language") or _default_language(parts.styles)
    return Metadata(title=found.get("title") or None, language=language or None)


def _default_language(styles: etree._Element | None) -> str | None:
    """The language that a document is in unless its words say otherwise."""
    for element in styles.iter() if styles is not None else ():
        if local_name(element) == "lang" and local_name(element.getparent()) == "rPr":
            return value_of(element)
        if local_name(element) == "style":
            return None
    return None
