"""A day of requests by the hour: what it costs one by one, and in batches while a machine sleeps."""
