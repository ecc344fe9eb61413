"""What a docstring says: a description, and a sentence for each parameter.

Reads Google ("Args:"), NumPy ("Parameters" underlined) and Sphinx (":param x:") forms. Pure.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import Final

_SECTION: Final = re.compile(
    r"^(args|arguments|parameters|params|returns?|raises|yields|examples?|notes?|attributes|warnings?)\s*:?\s*$",
    re.IGNORECASE,
)
_PARAMETER_SECTIONS: Final = frozenset({"args", "arguments", "parameters", "params"})
_GOOGLE_ITEM: Final = re.compile(r"^(\*{0,2}\w+)\s*(?:\([^)]*\))?\s*:\s*(.*)$")
_NUMPY_ITEM: Final = re.compile(r"^(\w+)\s*(?::.*)?$")
_SPHINX_ITEM: Final = re.compile(r"^:param\s+(?:[^:]*\s)?(\w+)\s*:\s*(.*)$")


@dataclass(frozen=True, slots=True)
class Docstring:
    """The description without its sections, and the parameters' sentences by name."""

    description: str = ""
    parameters: dict[str, str] = field(default_factory=dict[str, str])


def read_docstring(text: str) -> Docstring:
    """Read a docstring whose indentation is cleaned already (`inspect.getdoc`)."""
    description: list[str] = []
    parameters: dict[str, str] = {}
    section: str | None = None
    current: str | None = None
    lines = text.splitlines()
    for index, line in enumerate(lines):
        bare = line.strip()
        if set(bare) == {"-"}:
            continue
        underlined = (
            index + 1 < len(lines) and bool(lines[index + 1].strip()) and set(lines[index + 1].strip()) == {"-"}
        )
        header = _SECTION.match(bare)
        if header and not line.startswith(" ") and (bare.endswith(":") or underlined):
            section, current = header.group(1).lower(), None
            continue
        sphinx = _SPHINX_ITEM.match(bare)
        if sphinx:
            section, current = "args", sphinx.group(1)
            parameters[sphinx.group(1)] = sphinx.group(2)
        elif bare.startswith(":") and section in (None, "args") and re.match(r"^:(returns?|raises|rtype|type)\b", bare):
            section, current = "other", None
        elif section is None:
            description.append(line)
        elif section in _PARAMETER_SECTIONS and bare:
            current = _read_item(line, bare, current, parameters)
    return Docstring("\n".join(description).strip(), {name: value.strip() for name, value in parameters.items()})


def _read_item(line: str, bare: str, current: str | None, parameters: dict[str, str]) -> str | None:
    indent = len(line) - len(line.lstrip())
    google = _GOOGLE_ITEM.match(bare)
    if google and 0 < indent <= 4:
        name = google.group(1).lstrip("*")
        parameters[name] = google.group(2)
        return name
    numpy = _NUMPY_ITEM.match(bare)
    if numpy and indent == 0:
        parameters[numpy.group(1)] = ""
        return numpy.group(1)
    if current is not None:
        parameters[current] = f"{parameters[current]} {bare}".strip()
    return current
