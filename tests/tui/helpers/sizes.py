"""The sizes that every screen is looked at."""

WIDE, MIDDLE, NARROW = (120, 36), (84, 30), (60, 20)
