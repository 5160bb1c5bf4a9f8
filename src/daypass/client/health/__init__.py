"""What is wrong, or surprising, with how this machine gets its credentials."""
