"""The gRPC binding: the services of 1.0 and 0.3 on one port. Needs the extra `grpc`; nothing else imports it."""
