"""Room: schemas."""
