"""The thread that reads runs for the dashboard, and what it makes of them: immutable, ready to show."""
