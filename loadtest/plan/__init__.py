"""A scenario made into requests: when each is meant to leave, and what it carries."""
