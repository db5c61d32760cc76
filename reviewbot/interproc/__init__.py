"""What one function of a text tells of another: entry contexts, callbacks, callees that sleep."""
