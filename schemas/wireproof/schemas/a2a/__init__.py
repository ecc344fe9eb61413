"""The A2A messages: tables of 1.0, strict ProtoJSON reading, and 0.3 as a translation at the edge."""
