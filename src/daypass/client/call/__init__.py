"""One signed request as curl's options describe it: its body, and sending it with patience."""
