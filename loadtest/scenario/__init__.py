"""What a scenario file may say, read and checked."""
