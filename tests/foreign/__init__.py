"""Peers that nobody here wrote, and the environments they run in."""
