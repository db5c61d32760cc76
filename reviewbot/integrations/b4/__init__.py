"""What b4 hands over in, what it takes back out: messages, its tracking data, its review files, its configuration.

b4 runs a check once a patch while somebody looks on, so nothing here imports it, or anything else that takes long.
"""
