"""The OAuth client in layers: pure rules (`discovery`, `flow`, `scopes`, `registration`, `tokens`), then fetching."""
