"""Backups: a whole store in one file, in the same format for every kind of store."""
