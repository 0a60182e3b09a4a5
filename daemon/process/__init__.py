"""The worker as a process: does it move, what stops it, what does it hold."""
