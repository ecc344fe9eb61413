"""The agent of these tests as a program on stdio."""

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[3]))

from tests.a2a.client.agents import make_agent

agent = make_agent()

if __name__ == "__main__":
    agent.run()
