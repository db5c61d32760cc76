"""Implements the checks that rules name, as `folder.module:function`: generators of hits."""
