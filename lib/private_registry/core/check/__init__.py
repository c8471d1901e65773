"""Why a pull fails: what is known, read and decided without asking anybody; pure."""
