"""Pure code: values in, values out; no files, no clock, no environment, no commands."""
