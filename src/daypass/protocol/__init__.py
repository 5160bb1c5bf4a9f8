"""AWS's wire protocols (query, rest-json, rest-xml), driven by botocore's service models."""
