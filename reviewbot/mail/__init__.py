"""Mails, threads and patch series, read from whatever somebody sent."""
