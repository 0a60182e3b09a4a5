"""The highest rate that still meets the targets."""
