"""Helpers for the floors above; nothing here is public."""
