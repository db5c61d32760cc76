"""Ways to write a patch otherwise that leave what is wrong with it as it is."""
