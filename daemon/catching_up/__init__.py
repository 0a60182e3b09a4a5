"""The one-shot run: it ends when all is answered that was there when it began."""
