"""The commands of `tidemill-load` that measure and compare."""
