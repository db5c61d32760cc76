"""A server of the Model Context Protocol: other programs ask it over standard input and output."""
