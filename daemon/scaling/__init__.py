"""How many workers there should be: looked at from outside, decided by one pure policy."""
