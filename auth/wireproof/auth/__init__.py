"""Who is calling: token checks, the OAuth client, the one guarded fetcher, sealed state.

Knows no MCP, no A2A and no web framework. Names load on first use, so that a server without tokens imports nothing.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from wireproof.auth.addresses import BadURL as BadURL
    from wireproof.auth.addresses import Reach as Reach
    from wireproof.auth.addresses import classify as classify
    from wireproof.auth.addresses import read_url as read_url
    from wireproof.auth.challenge import Challenge as Challenge
    from wireproof.auth.fetcher import Ask as Ask
    from wireproof.auth.fetcher import Blocked as Blocked
    from wireproof.auth.fetcher import Fetched as Fetched
    from wireproof.auth.fetcher import Fetcher as Fetcher
    from wireproof.auth.fetcher import FetchError as FetchError
    from wireproof.auth.fetcher import GuardedFetcher as GuardedFetcher
    from wireproof.auth.fetcher import Rules as Rules
    from wireproof.auth.fetcher import TooBig as TooBig
    from wireproof.auth.fetcher import TooManyRedirects as TooManyRedirects
    from wireproof.auth.fetcher import TooSlow as TooSlow
    from wireproof.auth.fetcher import Unreachable as Unreachable
    from wireproof.auth.flight import SingleFlight as SingleFlight
    from wireproof.auth.gate import Gate as Gate
    from wireproof.auth.introspection import IntrospectionVerifier as IntrospectionVerifier
    from wireproof.auth.keysets import FixedKeys as FixedKeys
    from wireproof.auth.keysets import IssuerKeys as IssuerKeys
    from wireproof.auth.keysets import KeySource as KeySource
    from wireproof.auth.keysets import KeysUnavailable as KeysUnavailable
    from wireproof.auth.metadata import ProtectedResource as ProtectedResource
    from wireproof.auth.oauth.agents import BrowserAgent as BrowserAgent
    from wireproof.auth.oauth.agents import HeadlessAgent as HeadlessAgent
    from wireproof.auth.oauth.agents import UserAgent as UserAgent
    from wireproof.auth.oauth.client import ClientAuth as ClientAuth
    from wireproof.auth.oauth.client import OAuthClient as OAuthClient
    from wireproof.auth.oauth.errors import AuthorizationDenied as AuthorizationDenied
    from wireproof.auth.oauth.errors import AuthorizationError as AuthorizationError
    from wireproof.auth.oauth.errors import AuthorizationServerChanged as AuthorizationServerChanged
    from wireproof.auth.oauth.errors import BadRedirect as BadRedirect
    from wireproof.auth.oauth.errors import DiscoveryFailed as DiscoveryFailed
    from wireproof.auth.oauth.errors import IssuerMismatch as IssuerMismatch
    from wireproof.auth.oauth.errors import NobodyAnswered as NobodyAnswered
    from wireproof.auth.oauth.errors import NotAccepted as NotAccepted
    from wireproof.auth.oauth.errors import PKCENotSupported as PKCENotSupported
    from wireproof.auth.oauth.errors import RegistrationFailed as RegistrationFailed
    from wireproof.auth.oauth.errors import RegistrationNeeded as RegistrationNeeded
    from wireproof.auth.oauth.errors import ResourceMismatch as ResourceMismatch
    from wireproof.auth.oauth.errors import TokenRefused as TokenRefused
    from wireproof.auth.oauth.grants import AuthorizationCode as AuthorizationCode
    from wireproof.auth.oauth.grants import ClientCredentials as ClientCredentials
    from wireproof.auth.oauth.grants import EnterpriseManaged as EnterpriseManaged
    from wireproof.auth.oauth.grants import Grant as Grant
    from wireproof.auth.oauth.grants import WorkloadIdentity as WorkloadIdentity
    from wireproof.auth.oauth.registration import ClientInformation as ClientInformation
    from wireproof.auth.oauth.registration import ClientProfile as ClientProfile
    from wireproof.auth.oauth.store import FileStore as FileStore
    from wireproof.auth.oauth.store import KeyringStore as KeyringStore
    from wireproof.auth.oauth.store import MemoryStore as MemoryStore
    from wireproof.auth.oauth.store import StoreUnavailable as StoreUnavailable
    from wireproof.auth.oauth.store import TokenStore as TokenStore
    from wireproof.auth.proofs import ProofChecker as ProofChecker
    from wireproof.auth.proofs import ProofKey as ProofKey
    from wireproof.auth.sealing import Broken as Broken
    from wireproof.auth.sealing import Keyring as Keyring
    from wireproof.auth.sealing import Opened as Opened
    from wireproof.auth.sealing import Seal as Seal
    from wireproof.auth.sealing import SealRefusal as SealRefusal
    from wireproof.auth.sealing import TooLargeToSeal as TooLargeToSeal
    from wireproof.auth.sealing import WeakSecret as WeakSecret
    from wireproof.auth.sealing import bind as bind
    from wireproof.auth.verifier import ClaimRules as ClaimRules
    from wireproof.auth.verifier import Denied as Denied
    from wireproof.auth.verifier import JWTVerifier as JWTVerifier
    from wireproof.auth.verifier import StaticVerifier as StaticVerifier
    from wireproof.auth.verifier import TokenVerifier as TokenVerifier
    from wireproof.auth.verifier import VerifierUnavailable as VerifierUnavailable

_HOMES = {
    "addresses": (
        "BadURL",
        "Reach",
        "classify",
        "read_url",
    ),
    "challenge": ("Challenge",),
    "fetcher": (
        "Ask",
        "Blocked",
        "FetchError",
        "Fetched",
        "Fetcher",
        "GuardedFetcher",
        "Rules",
        "TooBig",
        "TooManyRedirects",
        "TooSlow",
        "Unreachable",
    ),
    "flight": ("SingleFlight",),
    "gate": ("Gate",),
    "introspection": ("IntrospectionVerifier",),
    "keysets": (
        "FixedKeys",
        "IssuerKeys",
        "KeySource",
        "KeysUnavailable",
    ),
    "metadata": ("ProtectedResource",),
    "oauth.agents": (
        "BrowserAgent",
        "HeadlessAgent",
        "UserAgent",
    ),
    "oauth.client": (
        "ClientAuth",
        "OAuthClient",
    ),
    "oauth.errors": (
        "AuthorizationDenied",
        "AuthorizationError",
        "AuthorizationServerChanged",
        "BadRedirect",
        "DiscoveryFailed",
        "IssuerMismatch",
        "NobodyAnswered",
        "NotAccepted",
        "PKCENotSupported",
        "RegistrationFailed",
        "RegistrationNeeded",
        "ResourceMismatch",
        "TokenRefused",
    ),
    "oauth.grants": (
        "AuthorizationCode",
        "ClientCredentials",
        "EnterpriseManaged",
        "Grant",
        "WorkloadIdentity",
    ),
    "oauth.registration": (
        "ClientInformation",
        "ClientProfile",
    ),
    "oauth.store": (
        "FileStore",
        "KeyringStore",
        "MemoryStore",
        "StoreUnavailable",
        "TokenStore",
    ),
    "proofs": (
        "ProofChecker",
        "ProofKey",
    ),
    "sealing": (
        "Broken",
        "Keyring",
        "Opened",
        "Seal",
        "SealRefusal",
        "TooLargeToSeal",
        "WeakSecret",
        "bind",
    ),
    "verifier": (
        "ClaimRules",
        "Denied",
        "JWTVerifier",
        "StaticVerifier",
        "TokenVerifier",
        "VerifierUnavailable",
    ),
}
_HOME_OF = {name: module for module, names in _HOMES.items() for name in names}

__all__ = [
    "Ask",
    "AuthorizationCode",
    "AuthorizationDenied",
    "AuthorizationError",
    "AuthorizationServerChanged",
    "BadRedirect",
    "BadURL",
    "Blocked",
    "Broken",
    "BrowserAgent",
    "Challenge",
    "ClaimRules",
    "ClientAuth",
    "ClientCredentials",
    "ClientInformation",
    "ClientProfile",
    "Denied",
    "DiscoveryFailed",
    "EnterpriseManaged",
    "FetchError",
    "Fetched",
    "Fetcher",
    "FileStore",
    "FixedKeys",
    "Gate",
    "Grant",
    "GuardedFetcher",
    "HeadlessAgent",
    "IntrospectionVerifier",
    "IssuerKeys",
    "IssuerMismatch",
    "JWTVerifier",
    "KeySource",
    "Keyring",
    "KeyringStore",
    "KeysUnavailable",
    "MemoryStore",
    "NobodyAnswered",
    "NotAccepted",
    "OAuthClient",
    "Opened",
    "PKCENotSupported",
    "ProofChecker",
    "ProofKey",
    "ProtectedResource",
    "Reach",
    "RegistrationFailed",
    "RegistrationNeeded",
    "ResourceMismatch",
    "Rules",
    "Seal",
    "SealRefusal",
    "SingleFlight",
    "StaticVerifier",
    "StoreUnavailable",
    "TokenRefused",
    "TokenStore",
    "TokenVerifier",
    "TooBig",
    "TooLargeToSeal",
    "TooManyRedirects",
    "TooSlow",
    "Unreachable",
    "UserAgent",
    "VerifierUnavailable",
    "WeakSecret",
    "WorkloadIdentity",
    "bind",
    "classify",
    "read_url",
]


def __getattr__(name: str) -> object:
    home = _HOME_OF.get(name)
    if home is None:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    value = getattr(import_module(f"{__name__}.{home}"), name)
    globals()[name] = value
    return value
