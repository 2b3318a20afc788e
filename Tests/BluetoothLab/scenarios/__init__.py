"""What the product must do in a home full of Bluetooth, one module a scenario: each has `LAB`, the lab it needs, and `run`."""
