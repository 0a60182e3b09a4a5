"""What is found out about the daemon at a desk: replays that write the tables of pages in docs/."""
