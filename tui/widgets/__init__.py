"""Widgets and bases of screens that every feature shares."""
