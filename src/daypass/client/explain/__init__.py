"""What a refusal means: a sentence of AWS's, an error, a recording of a browser's requests."""
