"""What the worker says of itself: events, metrics, health."""
