"""Every requirement of A2A 1.0 as data, and the tests that show it."""
