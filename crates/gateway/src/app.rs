//! The program: what it knows, and its commands.

use std::process::ExitCode;

use crate::{
    BuildAdapter, commands,
    config::{Invalid, Kinds, Section},
    wiring,
};

/// The gateway's program. Give it the adapters that it does not know, then call [`Self::main`].
pub struct Switchboard {
    kinds: Kinds<BuildAdapter>,
}

impl Switchboard {
    /// With the databases, AI platforms and messengers of this build.
    pub fn standard() -> Self {
        Self { kinds: wiring::kinds() }
    }

    /// Adds a kind of messenger. `read` reads the keys that only this kind has from a `[[channel]]`
    /// (see [`Section`]) and gives what makes the adapter of it.
    pub fn adapter(
        mut self,
        kind: &'static str,
        read: impl Fn(&mut Section<'_>) -> Result<BuildAdapter, Invalid> + Send + Sync + 'static,
    ) -> Self {
        self.kinds = self.kinds.channel(kind, read);
        self
    }

    /// What a configuration may name, to load one in a test.
    pub fn kinds(&self) -> &Kinds<BuildAdapter> {
        &self.kinds
    }

    /// Runs the command that the arguments ask for.
    pub fn main(self) -> ExitCode {
        commands::main(&self.kinds)
    }
}
