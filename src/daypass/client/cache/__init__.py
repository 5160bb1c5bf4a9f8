"""Sessions kept between runs: encrypted, shared by processes, renewed by one of them."""
