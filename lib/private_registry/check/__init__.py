"""Check: why a pull fails, from files and answers to causes and remedies."""
