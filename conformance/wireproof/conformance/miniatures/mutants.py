"""The proof that the judge can judge: for each check, the peer that is wrong in exactly that way, and where it shows.

A check without a row here is not allowed; a test counts them.
"""

from __future__ import annotations

from typing import Final, NamedTuple

from wireproof.conformance.ledger import HTTP, STDIO

MODERN: Final = "2026-07-28"
LEGACY: Final = "2025-11-25"


class Mutant(NamedTuple):
    """The switch of the miniature, and the cell in which the check must fail."""

    wrong: str
    transport: str = HTTP
    revision: str = MODERN


MUTANTS: Final[dict[str, Mutant]] = {
    "framing.bad-json.answered": Mutant("bad-json-silent", STDIO),
    "framing.bad-json.code": Mutant("bad-json-code", STDIO),
    "framing.bad-json.status": Mutant("bad-json-200"),
    "framing.bad-utf8.answered": Mutant("dies-on-bad-utf8", STDIO),
    "framing.invalid-request.answered": Mutant("invalid-silent", STDIO),
    "framing.invalid-request.code": Mutant("invalid-code"),
    "framing.version-member": Mutant("any-jsonrpc"),
    "framing.null-id": Mutant("null-id"),
    "framing.id.echo": Mutant("id-as-string"),
    "framing.response.shape": Mutant("no-jsonrpc"),
    "framing.error.shape": Mutant("code-as-text"),
    "framing.method-not-found": Mutant("unknown-method-code"),
    "framing.params.type": Mutant("any-params", HTTP, LEGACY),
    "framing.notification.silent": Mutant("answers-notifications", STDIO),
    "framing.deep": Mutant("dies-on-deep", STDIO),
    "framing.large": Mutant("dies-on-large", STDIO),
    "framing.batch.received": Mutant("batch-refused", HTTP, "2025-03-26"),
    "framing.batch.http-refused": Mutant("batch-200"),
    "framing.stdout.purity": Mutant("banner", STDIO),
    "framing.stdout.no-requests": Mutant("asks-on-stream"),
}
"""The mutants of the tool server."""

FURTHER: Final[dict[str, tuple[Mutant, ...]]] = {
    "framing.bad-utf8.answered": (Mutant("bad-utf8-silent", STDIO),),
    "framing.response.shape": (Mutant("result-and-error"),),
    "framing.stdout.purity": (Mutant("pretty", STDIO), Mutant("chatty", STDIO)),
}
"""More ways to break the same check."""
