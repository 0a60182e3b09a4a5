"""What a run says: while it runs, at its end, and against another run."""
