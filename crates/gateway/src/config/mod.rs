//! The configuration file: reading it, and saying everything that is wrong with it.
