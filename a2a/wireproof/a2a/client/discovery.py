"""Finding an Agent Card: by URL, host, file or document; cached as HTTP says. Spec: A2A 1.0 sections 8.2, 8.3, 8.6."""

from __future__ import annotations

import asyncio
import re
import time
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final, NamedTuple
from urllib.parse import urlsplit

from wireproof.a2a.caller import VERSIONS
from wireproof.a2a.client.errors import (
    AuthenticationFailed,
    CardInvalid,
    CardNotFound,
    DeadlineExceeded,
    NoInterface,
)
from wireproof.a2a.client.http import HTTPSettings
from wireproof.a2a.client.wires import translated
from wireproof.auth.documents import read_object
from wireproof.schemas.a2a.reading import BadMessage, read
from wireproof.schemas.jsonrpc import JSONObject, JSONValue, is_array, is_object

WELL_KNOWN: Final = ("/.well-known/agent-card.json", "/.well-known/agent.json")
MAX_CARD: Final = 1024 * 1024
_MAX_KEPT: Final = 256
_DEFAULT_FRESH_S: Final = 60.0
_NO_CAPABILITIES: Final[JSONObject] = {"capabilities": {}}


class Kept(NamedTuple):
    """A card in the cache. `until` is of the monotonic clock."""

    card: JSONObject
    etag: str
    modified: str
    until: float


class CardCache:
    """Cards by URL, as long as HTTP lets them be kept; give one to several `connect`s to share it."""

    def __init__(self) -> None:
        self._kept: Final[dict[str, Kept]] = {}

    def get(self, url: str) -> Kept | None:
        """What is kept for this URL, fresh or not."""
        return self._kept.get(url)

    def put(self, url: str, kept: Kept) -> None:
        """Keep a card; the oldest goes when there are too many."""
        self._kept.pop(url, None)
        while len(self._kept) >= _MAX_KEPT:
            del self._kept[next(iter(self._kept))]
        self._kept[url] = kept


def card_urls(target: str) -> Sequence[str]:
    """Where the card of a host, an origin or a base URL may be; a URL that ends in .json is the card's own."""
    if "://" not in target:
        target = f"https://{target}"
    base, query = target.partition("?")[::2]
    if base.endswith(".json"):
        return [target]
    return [base.rstrip("/") + path + (f"?{query}" if query else "") for path in WELL_KNOWN]


async def fetch_card(target: str, settings: HTTPSettings, cache: CardCache, *, anew: bool = False) -> JSONObject:
    """The card as it came, perhaps from the cache. `anew` asks the agent in any case. Raises `ClientError`."""
    urls = card_urls(target)
    for url in urls:
        kept = cache.get(url)
        if kept is not None and kept.until > time.monotonic() and not anew:
            return kept.card
        found = await _fetch(url, settings, kept)
        if found is not None:
            cache.put(url, found)
            return found.card
    raise CardNotFound(f"there is no Agent Card at {_shown(urls[0])}: is this the address of an agent?")


async def _fetch(url: str, settings: HTTPSettings, kept: Kept | None) -> Kept | None:
    """The card, or None for a 404."""
    fields = [("accept", "application/json"), ("a2a-version", VERSIONS[0])]
    if kept is not None and kept.etag:
        fields.append(("if-none-match", kept.etag))
    if kept is not None and kept.modified:
        fields.append(("if-modified-since", kept.modified))
    exchange = settings.exchange(url)
    try:
        with translated():
            async with asyncio.timeout(settings.times.answer):
                response = await exchange.send("GET", fields)
                try:
                    body = await response.body(MAX_CARD)
                finally:
                    await response.aclose()
    except TimeoutError:
        raise DeadlineExceeded(f"no Agent Card within {settings.times.answer:g} s") from None
    finally:
        await exchange.aclose()
    if response.status == 304 and kept is not None:
        return kept._replace(until=_until(response.header("cache-control")))
    if response.status == 404:
        return None
    if response.status in (401, 403):
        raise AuthenticationFailed("the Agent Card is only for who is known: give auth= or headers=", response.status)
    if response.status != 200:
        raise CardNotFound(f"{_shown(url)} answered with HTTP status {response.status}")
    card = read_object(body)
    if card is None:
        raise CardInvalid(f"{_shown(url)} holds no JSON object")
    etag, modified = response.header("etag") or "", response.header("last-modified") or ""
    return Kept(card, etag, modified, _until(response.header("cache-control")))


def _until(cache_control: str | None) -> float:
    if cache_control is not None and re.search(r"\bno-(store|cache)\b", cache_control):
        return 0.0
    found = re.search(r"\bmax-age=(\d{1,9})", cache_control or "")
    return time.monotonic() + (float(found.group(1)) if found else _DEFAULT_FRESH_S)


def _shown(url: str) -> str:
    parts = urlsplit(url)
    return f"{parts.scheme}://{parts.hostname}{f':{parts.port}' if parts.port else ''}{parts.path}"[:200]


def read_file(path: Path) -> JSONObject:
    """The card in a file. Raises `CardNotFound`, `CardInvalid`."""
    try:
        found = read_object(path.read_bytes())
    except OSError as error:
        raise CardNotFound(f"{str(path)[:200]} cannot be read: {error.strerror}") from error
    if found is None:
        raise CardInvalid(f"{str(path)[:200]} holds no JSON object")
    return found


def checked(card: JSONObject) -> JSONObject:
    """The card in the form of 1.0, whatever version it is of; unknown members stay. Raises `CardInvalid`."""
    from wireproof.a2a.client.old import card_from_03

    try:
        made = card if "supportedInterfaces" in card else card_from_03(card)
        listed: JSONValue = made["supportedInterfaces"]
        if not is_array(listed) or not isinstance(made.get("name"), str):
            raise CardInvalid("this is no Agent Card: it lacks a name or a list of interfaces")
        for each in listed:
            read("AgentInterface", each)
    except BadMessage as error:
        raise CardInvalid(f"this is no Agent Card: {error}") from None
    return made if is_object(made.get("capabilities")) else made | _NO_CAPABILITIES


@dataclass(frozen=True, slots=True)
class Chosen:
    """The interface that will be used."""

    url: str
    binding: str
    version: str
    tenant: str


def choose(
    card: JSONObject, spoken: Iterable[tuple[str, str]], *, prefer: Sequence[str] = (), secure: bool = False
) -> Chosen:
    """The first interface of the card that is spoken; with `prefer`, the first of these bindings.

    `spoken` are pairs of binding and version. `secure`: the card came over https, so no interface may be plain http.
    Raises `NoInterface`.
    """
    known = set(spoken)
    found: list[Chosen] = []
    for each in card["supportedInterfaces"]:
        version = ".".join(each["protocolVersion"].split(".")[:2])
        if (each["protocolBinding"], version) in known and not (secure and _is_plain(each["url"])):
            found.append(Chosen(each["url"], each["protocolBinding"], version, each.get("tenant", "")))
    if prefer:
        wanted = [each for name in prefer for each in found if each.binding.upper() == name.upper()]
        found = wanted or found
    if not found:
        offered = ", ".join(f"{e['protocolBinding']} {e['protocolVersion']}" for e in card["supportedInterfaces"])
        raise NoInterface(f"the agent offers {offered[:300] or 'no interface'}, of which none can be used here")
    first = found[0].binding
    return min((each for each in found if each.binding == first), key=lambda each: VERSIONS.index(each.version))


def _is_plain(url: str) -> bool:
    return url.lower().startswith(("http://", "ws://"))
