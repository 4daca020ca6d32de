"""Describes what a command trains, as data: tables, settings, cells and plans."""
