"""What waits for the executor, and what runs next. Pure."""
