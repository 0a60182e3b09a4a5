"""One run against another: a regression gate that knows about noise."""
