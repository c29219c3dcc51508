//! What every store must do, as tests that a store runs over itself.
