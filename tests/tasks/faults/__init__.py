"""Stores that are away, full, locked, damaged or stopped, and clocks that move."""
