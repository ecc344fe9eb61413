"""The calling side of every wire: one `Carrier` each."""
