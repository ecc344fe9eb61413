"""For each check of an agent, the miniature that is wrong in exactly that way, and where it shows."""

from __future__ import annotations

from typing import Final

from wireproof.conformance.ledger import JSONRPC, REST
from wireproof.conformance.miniatures.mutants import Mutant as _Mutant


def mutant(wrong: str, transport: str = JSONRPC, correct: str = "") -> _Mutant:
    """A row for version 1.0."""
    return _Mutant(wrong, transport, "1.0", correct)


AGENT_MUTANTS: Final[dict[str, _Mutant]] = {
    "a2a.card.shape": mutant("card-no-description"),
    "a2a.card.names": mutant("card-snake"),
    "a2a.card.interfaces": mutant("card-dead-interface"),
    "a2a.card.version": mutant("card-patch-version", REST),
    "a2a.card.security": mutant("secured-undeclared", JSONRPC, "secured"),
    "a2a.card.cache": mutant("card-uncached"),
    "a2a.card.conditional": mutant("card-etag-ignored"),
    "a2a.card.signature": mutant("signed-no-kid", JSONRPC, "signed"),
    "a2a.card.extended.unclaimed": mutant("unclaimed-extended"),
    "a2a.card.extended.locked": mutant("extended-open", REST, "extended"),
    "a2a.send.answer": mutant("both-answers"),
    "a2a.send.shape": mutant("no-status"),
    "a2a.send.names": mutant("snake-names"),
    "a2a.send.enums": mutant("enum-lower"),
    "a2a.send.times": mutant("time-offset"),
    "a2a.send.blocking": mutant("returns-working", REST),
    "a2a.send.context": mutant("no-context"),
    "a2a.send.context.kept": mutant("new-context"),
    "a2a.send.ids": mutant("same-id"),
    "a2a.send.unknown-task": mutant("unknown-task-made"),
    "a2a.send.ended-task": mutant("ended-taken"),
    "a2a.send.other-context": mutant("mismatch-taken"),
    "a2a.send.no-parts": mutant("no-parts-taken"),
    "a2a.send.no-id": mutant("no-id-taken", REST),
    "a2a.send.unknown-fields": mutant("unknown-refused"),
    "a2a.send.extension": mutant("needs-extension-not", JSONRPC, "needs-extension"),
    "a2a.get.same": mutant("get-other"),
    "a2a.get.unknown": mutant("get-unknown-code", REST),
    "a2a.get.history": mutant("history-always"),
    "a2a.get.history.bound": mutant("history-unbounded"),
    "a2a.list.shape": mutant("list-no-token"),
    "a2a.list.artifacts": mutant("list-with-artifacts"),
    "a2a.list.artifacts.asked": mutant("list-never-artifacts", REST),
    "a2a.list.order": mutant("list-oldest-first"),
    "a2a.list.pages": mutant("page-repeats", REST),
    "a2a.list.context": mutant("filter-ignored"),
    "a2a.list.bad-token": mutant("any-token"),
    "a2a.cancel.unknown": mutant("cancel-unknown-code", REST),
    "a2a.cancel.ended": mutant("cancel-ended"),
    "a2a.cancel.open": mutant("cancel-nothing"),
    "a2a.stream.media-type": mutant("stream-as-json"),
    "a2a.stream.first": mutant("status-first"),
    "a2a.stream.shape": mutant("artifact-no-parts", REST),
    "a2a.stream.end": mutant("after-the-end"),
    "a2a.stream.ids": mutant("stream-other-task"),
    "a2a.stream.whole": mutant("event-lost"),
    "a2a.stream.rpc-id": mutant("stream-other-id"),
    "a2a.subscribe.unknown": mutant("subscribe-unknown-code"),
    "a2a.subscribe.ended": mutant("subscribe-ended"),
    "a2a.subscribe.snapshot": mutant("no-snapshot", REST),
    "a2a.subscribe.apart": mutant("one-close-ends-all"),
    "a2a.push.unclaimed": mutant("no-push-taken", JSONRPC, "no-push"),
    "a2a.push.made": mutant("push-other-url"),
    "a2a.push.listed": mutant("push-keeps-one"),
    "a2a.push.deleted": mutant("push-delete-once", REST),
    "a2a.push.unknown-task": mutant("push-unknown-code"),
    "a2a.push.inside": mutant("push-anywhere"),
    "a2a.wire.bad-json": mutant("bad-json-code"),
    "a2a.wire.bad-utf8": mutant("bad-utf8-internal", REST),
    "a2a.wire.no-object": mutant("any-jsonrpc"),
    "a2a.wire.method": mutant("unknown-method-code"),
    "a2a.wire.params": mutant("params-internal"),
    "a2a.wire.id": mutant("id-as-text"),
    "a2a.wire.path": mutant("any-path", REST),
    "a2a.wire.media-type": mutant("rest-text", REST),
    "a2a.error.rest": mutant("rest-error-bare", REST),
    "a2a.error.info": mutant("no-error-info"),
    "a2a.error.typed": mutant("untyped-details", REST),
    "a2a.version.unknown": mutant("any-version"),
    "a2a.version.missing": mutant("version-optional"),
    "a2a.version.patch": mutant("patch-counts", REST),
    "a2a.wire.large": mutant("no-body-limit"),
}
"""One row for each check."""

AGENT_FURTHER: Final[dict[str, tuple[_Mutant, ...]]] = {
    "a2a.send.unknown-task": (mutant("unknown-task-code", REST),),
    "a2a.stream.first": (mutant("event-two-kinds"),),
    "a2a.stream.end": (mutant("never-ends", REST),),
    "a2a.wire.bad-utf8": (mutant("bad-utf8-internal"),),
}
"""More ways to break a rule whose check looks at more than one."""
