"""Sifts away functions in which no check can find anything, before they are parsed."""
