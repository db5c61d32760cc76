"""The text of a file before and after a patch, its functions, and what checks ask of them."""
