"""Subscriptions, cancellation and multi-round-trip requests."""

from __future__ import annotations

from wireproof.conformance.ledger import DUPLEX, MODERN, ON_HTTP
from wireproof.conformance.mcp_cell import Cell
from wireproof.conformance.probe.talk import META, Answer, DuplexTalk, Listening, Talk, short
from wireproof.conformance.registry import check
from wireproof.conformance.shapes import as_object
from wireproof.conformance.verdict import Broken, NotHere, PeerGone, Unsure
from wireproof.schemas.jsonrpc import JSONObject, is_object

SUBSCRIPTIONS = "subscriptions"
CANCEL = "cancellation"
MRTR = "multi-round-trip"
EVERYTHING: JSONObject = {"toolsListChanged": True, "promptsListChanged": True, "resourcesListChanged": True}
FULL_CLIENT: JSONObject = {"elicitation": {"form": {}, "url": {}}, "sampling": {}, "roots": {}}
INPUT_METHODS = {"elicitation/create", "sampling/createMessage", "roots/list"}


async def _open(talk: Talk, wanted: JSONObject, id_: str | int) -> tuple[Listening, JSONObject]:
    """An open subscription and its first message. Raises `NotHere` when the server has no subscriptions."""
    listening = await talk.listen(talk.build("subscriptions/listen", {"notifications": wanted}, id_=id_))
    first = await listening.next(4)
    if first is None:
        await listening.cancel()
        raise Broken("subscriptions/listen was met with silence for 4 s; an acknowledgment was due.")
    if as_object(first.get("error")).get("code") == -32601:
        raise NotHere("The server has no subscriptions.")
    return listening, first


@check("subscription.ack", shows=["mcp.subscription.ack-first"], area=SUBSCRIPTIONS, revisions=MODERN)
async def the_first_message_of_a_subscription_is_its_acknowledgment(cell: Cell) -> None:
    talk = await cell.talk()
    listening, first = await _open(talk, EVERYTHING, talk.next_id())
    await listening.cancel()
    if first.get("method") != "notifications/subscriptions/acknowledged":
        raise Broken(f"A subscription began with {short(first)}, not with its acknowledgment.")


@check(
    "subscription.id",
    shows=["mcp.subscription.id"],
    area=SUBSCRIPTIONS,
    revisions=MODERN,
    depends_on=["subscription.ack"],
)
async def the_subscription_id_is_the_id_of_the_request(cell: Cell) -> None:
    talk = await cell.talk()
    for id_ in (900_001, "a text id"):
        message = talk.build("subscriptions/listen", {"notifications": EVERYTHING}, id_=id_)
        listening = await talk.listen(message)
        mark = len(talk.strays) if isinstance(talk, DuplexTalk) else 0
        first = await listening.next(2)
        if first is None and isinstance(talk, DuplexTalk) and len(talk.strays) > mark:
            first = talk.strays[mark]
        await listening.cancel()
        if as_object(as_object(first).get("error")).get("code") == -32601:
            raise NotHere("The server has no subscriptions.")
        about = as_object(as_object(as_object(first).get("params")).get("_meta")).get(f"{META}subscriptionId")
        if about != id_ or type(about) is not type(id_):
            raise Broken(f"The acknowledgment of the request {id_!r} names the subscription {short(about)}.")


@check(
    "subscription.subset",
    shows=["mcp.subscription.ack-subset"],
    area=SUBSCRIPTIONS,
    revisions=MODERN,
    depends_on=["subscription.ack"],
)
async def the_acknowledgment_holds_nothing_that_was_not_asked(cell: Cell) -> None:
    talk = await cell.talk()
    listening, first = await _open(talk, {"resourcesListChanged": True}, talk.next_id())
    await listening.cancel()
    agreed = as_object(first.get("params")).get("notifications")
    if not is_object(agreed):
        raise Broken(f"The acknowledgment has no notifications object: {short(first)}")
    more = {key for key, value in agreed.items() if value} - {"resourcesListChanged"}
    if more:
        raise Broken(f"Asked for resourcesListChanged, the server agreed to {', '.join(sorted(more))} too.")


@check(
    "subscription.unasked",
    shows=["mcp.subscription.unasked"],
    area=SUBSCRIPTIONS,
    revisions=MODERN,
    depends_on=["subscription.ack"],
)
async def nothing_is_sent_that_was_not_asked(cell: Cell) -> None:
    talk = await cell.talk()
    listening, first = await _open(talk, {}, talk.next_id())
    try:
        got = first if first.get("method") != "notifications/subscriptions/acknowledged" else await listening.next(0.4)
        if got is not None and "method" in got:
            raise Broken(f"A subscription that asked for nothing got {short(got)}")
    finally:
        await listening.cancel()


@check(
    "subscription.bad-filter",
    shows=["mcp.subscription.params"],
    area=SUBSCRIPTIONS,
    revisions=MODERN,
    depends_on=["subscription.ack"],
)
async def a_subscription_without_a_filter_is_refused(cell: Cell) -> None:
    talk = await cell.talk()
    listening = await talk.listen(talk.build("subscriptions/listen"))
    first = await listening.next(3)
    await listening.cancel()
    if first is None or "error" not in first:
        raise Broken(f"subscriptions/listen without notifications was answered with {short(first)}, not with an error.")


@check(
    "cancel.subscription",
    shows=["mcp.cancel.no-more-messages"],
    area=CANCEL,
    revisions=MODERN,
    transports=DUPLEX,
    depends_on=["subscription.ack"],
)
async def a_cancelled_request_is_not_answered(cell: Cell) -> None:
    talk = await cell.talk()
    listening, _ = await _open(talk, EVERYTHING, talk.next_id())
    await listening.cancel()
    if not await talk.alive():
        raise Broken("After a cancellation a good request was not answered any more.")
    got = await listening.next(0.3)
    if got is not None and "method" not in got:
        raise Broken(f"A cancelled request was answered: {short(got)}")


@check(
    "cancel.frees",
    shows=["mcp.cancel.stops"],
    area=CANCEL,
    revisions=MODERN,
    transports=DUPLEX,
    depends_on=["subscription.ack"],
)
async def the_id_of_a_cancelled_request_is_free_again(cell: Cell) -> None:
    talk = await cell.talk()
    listening, _ = await _open(talk, EVERYTHING, "used-twice")
    await listening.cancel()
    await talk.alive()
    assert isinstance(talk, DuplexTalk)
    talk.streams.pop("used-twice", None)
    answer = await talk.request("server/discover", id_="used-twice", timeout=2)
    if answer.message is None or "error" in answer.message:
        raise Broken(f"After cancelling it, the id could not be used again: {answer.describe()}")


@check("cancel.unknown", shows=["mcp.cancel.unknown"], area=CANCEL, transports=DUPLEX)
async def cancelling_what_does_not_run_is_ignored(cell: Cell) -> None:
    talk = await cell.talk()
    assert isinstance(talk, DuplexTalk)
    mark = len(talk.strays)
    try:
        for params in ({"requestId": "never-used"}, {"requestId": 424242}, {}, {"requestId": None}, {"requestId": [1]}):
            await talk.notify("notifications/cancelled", params)
        alive = await talk.alive()
    except PeerGone as gone:
        raise Broken("The server ended on a cancellation of what does not run.") from gone
    if not alive or talk.ended.is_set():
        raise Broken("After cancelling what does not run, no good request was answered any more.")
    replies = [message for message in talk.strays[mark:] if "method" not in message]
    if replies:
        raise Broken(f"A cancellation was answered: {short(replies[0])}")


@check(
    "cancel.storm", shows=["house.cancel-storm"], area="resources-use", revisions=MODERN, transports=DUPLEX, limit=20
)
async def a_storm_of_cancellations_leaves_a_working_server(cell: Cell) -> None:
    async with cell.own() as talk:
        await talk.alive()
        for number in range(300):
            listening = await talk.listen(
                talk.build("subscriptions/listen", {"notifications": EVERYTHING}, id_=f"storm-{number}")
            )
            await listening.cancel()
        try:
            alive = await talk.alive()
        except PeerGone as gone:
            raise Broken("The server ended in a storm of 300 cancelled subscriptions.") from gone
        if not alive:
            raise Broken("After 300 cancelled subscriptions no good request was answered any more.")


async def _asking(cell: Cell, talk: Talk, capabilities: JSONObject) -> tuple[JSONObject, JSONObject]:
    """A tool that asks for input, and what it asked. Raises `NotHere` when none does."""
    for tool in (await cell.callable_tools())[:40]:
        params = {"name": tool["name"], "arguments": cell.arguments_for(tool)}
        answer = await talk.request("tools/call", params, capabilities=capabilities)
        result = as_object(answer.message).get("result")
        if is_object(result) and result.get("resultType") == "input_required":
            return params, result
    raise NotHere("No callable tool asks for input.")


@check("mrtr.shape", shows=["mcp.mrtr.not-empty"], area=MRTR, revisions=MODERN)
async def a_result_that_asks_has_requests_or_a_state(cell: Cell) -> None:
    _, result = await _asking(cell, await cell.talk(), FULL_CLIENT)
    if not result.get("inputRequests") and not isinstance(result.get("requestState"), str):
        raise Broken(f"An input_required result has neither inputRequests nor requestState: {short(result)}")


@check("mrtr.methods", shows=["mcp.mrtr.request-kinds"], area=MRTR, revisions=MODERN)
async def only_elicitation_sampling_and_roots_are_asked(cell: Cell) -> None:
    _, result = await _asking(cell, await cell.talk(), FULL_CLIENT)
    for key, request in as_object(result.get("inputRequests")).items():
        method = request.get("method") if is_object(request) else None
        if method not in INPUT_METHODS:
            raise Broken(f"The input request {key!r} has the method {short(method)}.")


@check("mrtr.undeclared", shows=["mcp.mrtr.undeclared"], area=MRTR, revisions=MODERN)
async def nothing_is_asked_that_the_client_did_not_declare(cell: Cell) -> None:
    talk = await cell.talk()
    await _asking(cell, talk, FULL_CLIENT)
    for tool in (await cell.callable_tools())[:40]:
        params = {"name": tool["name"], "arguments": cell.arguments_for(tool)}
        result = as_object((await talk.request("tools/call", params)).message).get("result")
        if is_object(result) and result.get("inputRequests"):
            raise Broken(f"{tool['name']} asked a client without capabilities for {short(result['inputRequests'])}")


@check("mrtr.missing-capability", shows=["mcp.base.capability.missing"], area=MRTR, revisions=MODERN)
async def a_needed_capability_that_is_missing_is_named(cell: Cell) -> None:
    answer = await _without_capability(cell)
    data = as_object(answer.error).get("data")
    needed = data.get("requiredCapabilities") if is_object(data) else None
    if answer.code != -32021 or not is_object(needed) or not needed:
        raise Broken(f"A tool that needs input, called without the capability, was answered with {answer.describe()}")


async def _without_capability(cell: Cell) -> Answer:
    talk = await cell.talk()
    params, asked = await _asking(cell, talk, FULL_CLIENT)
    if not asked.get("inputRequests"):
        raise NotHere("The tool that asks needs no capability.")
    answer = await talk.request("tools/call", params)
    if answer.error is None:
        raise NotHere("The tool does without the capability.")
    return answer


@check(
    "mrtr.missing-capability.status",
    shows=["mcp.base.capability.missing.status"],
    area=MRTR,
    transports=ON_HTTP,
    revisions=MODERN,
    depends_on=["mrtr.missing-capability"],
)
async def over_http_a_missing_capability_is_a_400(cell: Cell) -> None:
    answer = await _without_capability(cell)
    if answer.status != 400:
        raise Broken(f"The refusal for a missing capability has HTTP {answer.status}, not 400.")


@check("mrtr.tampered", shows=["mcp.mrtr.state-integrity"], area=MRTR, revisions=MODERN)
async def a_state_that_was_tampered_with_is_refused(cell: Cell) -> None:
    talk = await cell.talk()
    params, result = await _asking(cell, talk, FULL_CLIENT)
    state = result.get("requestState")
    if not isinstance(state, str) or not state:
        raise NotHere("The tool that asks gives no requestState.")
    middle = len(state) // 2
    other = "A" if state[middle] != "A" else "B"
    for tampered in (state + "x", state[:middle] + other + state[middle + 1 :], "forged"):
        retry = {**params, "requestState": tampered, "inputResponses": _answers(result)}
        answer = await talk.request("tools/call", retry, capabilities=FULL_CLIENT)
        if answer.error is None:
            raise Broken(f"A requestState that was tampered with was taken: {answer.describe()}")


def _answers(result: JSONObject) -> JSONObject:
    found: JSONObject = {}
    for key, request in as_object(result.get("inputRequests")).items():
        method = request.get("method") if is_object(request) else None
        if method == "elicitation/create":
            found[key] = {"action": "decline"}
        elif method == "roots/list":
            found[key] = {"roots": []}
        else:
            content = {"type": "text", "text": "an answer"}
            found[key] = {"role": "assistant", "content": content, "model": "none", "stopReason": "endTurn"}
    return found


@check("mrtr.again", shows=["mcp.mrtr.ask-again"], area=MRTR, revisions=MODERN)
async def a_retry_that_lacks_an_answer_is_asked_again(cell: Cell) -> None:
    talk = await cell.talk()
    params, result = await _asking(cell, talk, FULL_CLIENT)
    if not result.get("inputRequests"):
        raise NotHere("The tool that asks needs no answers.")
    retry: JSONObject = {**params, "inputResponses": {"no-such-key": {"action": "decline"}}}
    if "requestState" in result:
        retry["requestState"] = result["requestState"]
    answer = await talk.request("tools/call", retry, capabilities=FULL_CLIENT)
    if answer.message is None:
        raise Unsure("The retry was not answered.")
    if answer.error is not None:
        raise Broken(f"A retry without the answer was refused instead of asked again: {answer.describe()}")
