"""For each check of a client, the miniature that is wrong in exactly that way, and where it shows."""

from __future__ import annotations

from typing import Final

from wireproof.conformance.ledger import HTTP, STDIO
from wireproof.conformance.miniatures.mutants import LEGACY, MODERN
from wireproof.conformance.miniatures.mutants import Mutant as _Mutant

CLIENT_MUTANTS: Final[dict[str, _Mutant]] = {
    "client.call": _Mutant("strict-notifications"),
    "client.jsonrpc": _Mutant("json-rpc-1", STDIO),
    "client.ids": _Mutant("same-ids", STDIO, LEGACY),
    "client.meta": _Mutant("no-capabilities"),
    "client.info": _Mutant("no-info", STDIO),
    "client.initialize": _Mutant("no-handshake", HTTP, LEGACY),
    "client.cursor": _Mutant("other-cursor"),
    "client.pages": _Mutant("one-page", STDIO),
    "client.ping": _Mutant("no-pong", HTTP, LEGACY),
    "client.modern.no-responses": _Mutant("answers-notes", STDIO),
    "client.stdin": _Mutant("banner", STDIO),
    "client.shutdown": _Mutant("kills", STDIO),
    "client.http.accept": _Mutant("json-only"),
    "client.http.content-type": _Mutant("text-body", HTTP, LEGACY),
    "client.http.version": _Mutant("no-version-header", HTTP, LEGACY),
    "client.http.method": _Mutant("no-method-header"),
    "client.http.name": _Mutant("no-name-header"),
    "client.http.param": _Mutant("no-param-header"),
    "client.http.session": _Mutant("no-session-header", HTTP, LEGACY),
    "client.http.delete": _Mutant("no-delete", HTTP, LEGACY),
    "client.tasks.either": _Mutant("no-tasks"),
    "client.tasks.final": _Mutant("one-look", STDIO),
    "client.tasks.poll": _Mutant("hurried"),
    "client.tasks.answers": _Mutant("no-update"),
    "client.tasks.name": _Mutant("task-name"),
    "client.silence": _Mutant("patient", STDIO, LEGACY),
    "client.version.other": _Mutant("any-version", HTTP, LEGACY),
    "client.session.gone": _Mutant("keeps-session", HTTP, LEGACY),
    "client.request.strange": _Mutant("strange-result", STDIO, LEGACY),
    "client.retry": _Mutant("other-state"),
    "client.wrong-id": _Mutant("any-id"),
    "client.html": _Mutant("takes-html"),
    "client.bad-json": _Mutant("takes-broken"),
    "client.half-event": _Mutant("takes-half"),
    "client.server-dies": _Mutant("takes-death", STDIO),
}
"""One row for each check."""

CLIENT_FURTHER: Final[dict[str, tuple[_Mutant, ...]]] = {
    "client.http.version": (_Mutant("no-version-header", HTTP, MODERN),),
    "client.silence": (_Mutant("patient"),),
    "client.ping": (_Mutant("no-pong", STDIO, LEGACY),),
}
"""More places where a broken rule shows."""
