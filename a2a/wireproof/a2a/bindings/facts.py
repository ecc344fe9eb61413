"""What a request says of itself beside its body: version, extensions. Pure, the same for every binding.

Spec: A2A 1.0 sections 3.2.6, 3.6 (versioning), 4.6 (extensions).
"""

from __future__ import annotations

import re
from collections.abc import Collection
from typing import Final

from wireproof.a2a.caller import V0_3, VERSIONS
from wireproof.a2a.errors import A2AError, Kind

VERSION_HEADER: Final = "a2a-version"
EXTENSIONS_HEADER: Final = "a2a-extensions"
OLD_EXTENSIONS_HEADER: Final = "x-a2a-extensions"
_VERSION: Final = re.compile(r"(\d{1,4}\.\d{1,4})(?:\.\d{1,6})?")


def version_of(text: str | None, spoken: Collection[str] = VERSIONS) -> str:
    """Major.Minor; nothing means 0.3. Raises `A2AError` for a version that is not spoken."""
    given = (text or "").strip()
    if not given:
        found: str | None = V0_3
    else:
        match = _VERSION.fullmatch(given)
        found = match.group(1) if match else None
    if found is None or found not in spoken:
        raise A2AError(
            Kind.VERSION_NOT_SUPPORTED,
            f"Version {given[:32] or '0.3 (no A2A-Version was sent)'} is not supported",
            metadata={"supportedVersions": ", ".join(spoken)},
        )
    return found


def agreed_version(text: str | None, implied: str, spoken: Collection[str] = VERSIONS) -> str:
    """The version of a request: what it says must be what its method or path belongs to (`implied`).

    Silence counts as 0.3. Raises `A2AError`.
    """
    version = version_of(text, spoken)
    if version != implied:
        raise A2AError(
            Kind.VERSION_NOT_SUPPORTED,
            f"This method belongs to version {implied}, the request says {version}: send A2A-Version: {implied}"
            + ("" if text else " (without it a request counts as 0.3)"),
            metadata={"supportedVersions": ", ".join(spoken)},
        )
    return version


def extensions_of(*fields: str | None) -> frozenset[str]:
    """The URIs of comma-separated header fields."""
    return frozenset(part.strip() for field in fields if field for part in field.split(",") if part.strip())
