"""The call graph of some files by their words, with calls that go through members of structures."""
