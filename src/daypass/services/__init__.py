"""The operations of each service, a small package each that reads like AWS's API reference."""
