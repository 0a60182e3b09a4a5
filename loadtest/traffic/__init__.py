"""The run itself: requests leave at their times, replies are recorded."""
