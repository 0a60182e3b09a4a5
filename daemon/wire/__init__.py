"""The wire contract: bytes to requests, results to bytes. Pure."""
