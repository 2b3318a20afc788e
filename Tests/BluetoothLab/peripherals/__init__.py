"""The simulated devices of a home, and the process that holds them."""
