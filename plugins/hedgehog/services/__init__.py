"""Use cases, one file a verb that a user knows; the adapters come as arguments. The only room where they meet."""
