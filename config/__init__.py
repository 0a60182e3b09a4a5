"""What can be set: one typed model of the settings, one place that reads them."""
