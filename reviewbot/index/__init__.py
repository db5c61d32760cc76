"""Keeps what every C file of a tree says, by the id of its content, so that calls can be followed through the tree."""
