"""What a task keeps of the call that made it, and back: enough to run the call again in another process.

Kept: arguments, revision, client and caller. Not kept: header fields and token claims, which may be secrets; a task
never sees them, in its first attempt as in later ones.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from wireproof.mcp_tools.call import Call
from wireproof.mcp_tools.facts import Facts
from wireproof.schemas.caller import Principal
from wireproof.schemas.jsonrpc import JSONObject, JSONValue, is_object
from wireproof.schemas.mcp.revisions import Revision
from wireproof.transports.exchange import NO_HEADERS

_FORM: Final = 1


@dataclass(frozen=True, slots=True)
class StoredCall:
    """A call that can be run from a record. `given` are answers that came before the task was made."""

    arguments: JSONObject
    facts: Facts
    request_id: str | int
    token: str | int | None
    given: dict[str, JSONObject]
    poll_s: float


def store_call(call: Call, given: dict[str, JSONObject], poll_s: float) -> JSONObject:
    """The document of a call."""
    facts = call.facts
    principal = facts.principal
    return {
        "form": _FORM,
        "arguments": call.params.get("arguments") or {},
        "requestId": call.id,
        "progressToken": call.progress_token,
        "given": given,
        "pollS": poll_s,
        "revision": facts.revision.value,
        "transport": facts.transport,
        "capabilities": facts.capabilities,
        "client": facts.client,
        "trace": facts.trace,
        "logLevel": facts.log_level,
        "principal": {
            "subject": principal.subject,
            "issuer": principal.issuer,
            "tenant": principal.tenant,
            "scopes": sorted(principal.scopes),
            "clientId": principal.client_id,
            "expiresAt": principal.expires_at,
        },
    }


def load_call(document: JSONValue) -> StoredCall:
    """The call of a document. Raises `ValueError` for one that another version of this code wrote."""
    if not is_object(document) or document.get("form") != _FORM:
        raise ValueError("the task was stored by another version of this program")
    who = document["principal"]
    principal = Principal(
        who["subject"], who["issuer"], who["tenant"], frozenset(who["scopes"]), who["clientId"], who["expiresAt"]
    )
    revision = Revision(document["revision"])
    facts = Facts(
        revision,
        principal,
        document["transport"],
        NO_HEADERS,
        document["capabilities"],
        document["client"],
        document["logLevel"],
        revision.is_modern,
        document["trace"],
    )
    return StoredCall(
        document["arguments"],
        facts,
        document["requestId"],
        document["progressToken"],
        document["given"],
        document["pollS"],
    )


def poll_of(document: JSONValue) -> float:
    """The polling interval in seconds that a task was made with."""
    value: JSONValue = document.get("pollS") if is_object(document) else None
    return float(value) if isinstance(value, int | float) else 1.0
