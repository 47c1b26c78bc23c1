"""The two sizes that every screen is looked at."""

WIDE, NARROW = (120, 36), (60, 20)
