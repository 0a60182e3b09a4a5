"""The report for people who would rather look than read: one HTML file, made from the JSON report."""
