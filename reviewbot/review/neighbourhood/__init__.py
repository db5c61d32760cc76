"""Finds the files beside those that a patch touches through which its calls lead, by their words."""
