"""Room: transports."""
