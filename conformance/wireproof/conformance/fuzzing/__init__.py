"""Throwing inputs at a target: made from its schemas and from bytes, each reproducible from a seed, failures shrunk."""

from __future__ import annotations

from wireproof.conformance.fuzzing.campaign import Finding, Outcome, fuzz
from wireproof.conformance.fuzzing.cassette import Cassette
from wireproof.conformance.fuzzing.instances import from_schema, instance

__all__ = ["Cassette", "Finding", "Outcome", "from_schema", "fuzz", "instance"]
