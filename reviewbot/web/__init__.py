"""Requests to servers, bounded in time and size."""
