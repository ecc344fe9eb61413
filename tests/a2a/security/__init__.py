"""Security schemes that the card declares are what a caller meets."""
