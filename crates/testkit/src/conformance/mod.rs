//! What every adapter must do, as tests that an adapter runs over itself.

mod harness;

pub use harness::{Connection, Harness, Lacks, Oddity, Room, Shown, Trouble, View, Written};
