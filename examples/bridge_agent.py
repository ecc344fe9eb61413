"""A remote agent as tools of an agent host: its status becomes progress, its questions become forms.

AGENT=http://127.0.0.1:8000 wireproof run examples/bridge_agent.py
"""

from __future__ import annotations

import os

from wireproof.bridges import tools_of

server = tools_of(os.environ.get("AGENT", "http://127.0.0.1:8000"), name="planner")
