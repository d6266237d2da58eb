"""The domain: frozen values and pure functions that every room speaks. No I/O is done here."""
