"""Figures of a run, its targets, and whether they may be believed."""
