"""N and T by measurement: how run time grows with rows, and what that means for a target."""
