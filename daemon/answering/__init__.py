"""From results and refusals to records the broker has."""
