"""What is made of the project when it is built and released. Nothing of it is installed."""
