"""Derives what one function of a text shows of another: entry contexts, callbacks, callees that sleep."""
