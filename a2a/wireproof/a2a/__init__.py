"""Room: a2a."""
