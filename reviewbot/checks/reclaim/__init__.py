"""What may enter reclaim from where reclaim comes by."""
