"""The other side of the judge: it plays the server, and judges the client that is started for it."""
