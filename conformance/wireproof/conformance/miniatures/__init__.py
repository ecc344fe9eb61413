"""Minimal peers to judge the judge with: each correct, or wrong in exactly one way that its switch names."""
