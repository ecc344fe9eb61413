"""Servers that tests spawn."""
