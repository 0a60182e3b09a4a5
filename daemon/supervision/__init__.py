"""Worker processes on one host: started, watched, drained and replaced."""
