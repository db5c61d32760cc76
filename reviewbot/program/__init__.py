"""Reads the text of a file before and after a patch into functions, and answers what checks ask of them."""
