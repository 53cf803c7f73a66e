"""Backups: a whole store in one file, whatever the store is made of."""
