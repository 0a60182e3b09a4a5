"""The model in its thread, users' transforms in theirs, and what happens when a batch fails."""
