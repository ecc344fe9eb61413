"""Property tests here have no deadline for one example: machines are shared and keys are slow."""

from __future__ import annotations

from hypothesis import settings

settings.register_profile("auth", deadline=None)
settings.load_profile("auth")
