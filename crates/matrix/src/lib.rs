//! The adapter for Matrix.
