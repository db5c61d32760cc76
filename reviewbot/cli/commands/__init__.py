"""The commands of the command line, a function each: parsed arguments in, an exit code out."""
