"""Dialogs over any screen: help, jump marks, choices, questions, export."""
