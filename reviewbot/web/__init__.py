"""Sends requests to servers, bounded in time and size."""
