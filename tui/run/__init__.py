"""One run: its screen with the tabs, and what each tab shows."""
