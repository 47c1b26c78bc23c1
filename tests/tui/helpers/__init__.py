"""What tests of the dashboard have in common, one subject a file."""
