"""What the command `tidemill` does, one file a command; daemon.__main__ says how it is typed."""
