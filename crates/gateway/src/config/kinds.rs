//! What a build of the gateway knows: databases, AI platforms and messengers.

use std::collections::BTreeMap;

use super::{mistake::Invalid, section::Section};

type ReadChannel<A> = Box<dyn Fn(&mut Section<'_>) -> Result<A, Invalid> + Send + Sync>;

/// The kinds that a configuration may name. `A` is what a kind of channel makes of its own keys;
/// it comes back in [`ChannelConfig::adapter`](super::ChannelConfig::adapter).
pub struct Kinds<A> {
    databases: Vec<&'static str>,
    ais: Vec<&'static str>,
    channels: BTreeMap<&'static str, ReadChannel<A>>,
}

impl<A> Kinds<A> {
    /// Nothing is known yet.
    pub fn new() -> Self {
        Self { databases: Vec::new(), ais: Vec::new(), channels: BTreeMap::new() }
    }

    /// A database, by the scheme of its url: `sqlite`.
    pub fn database(mut self, scheme: &'static str) -> Self {
        self.databases.push(scheme);
        self
    }

    /// A kind of AI platform: `selarti`.
    pub fn ai(mut self, kind: &'static str) -> Self {
        self.ais.push(kind);
        self
    }

    /// A kind of messenger, and what reads the keys of a `[[channel]]` that only this kind has.
    /// `read` does no I/O and reads all keys before it gives up; see [`Section`].
    pub fn channel(
        mut self,
        kind: &'static str,
        read: impl Fn(&mut Section<'_>) -> Result<A, Invalid> + Send + Sync + 'static,
    ) -> Self {
        self.channels.insert(kind, Box::new(read));
        self
    }

    /// The same kinds where only channels of one are of interest, for what `read` makes of their
    /// keys. It need not read all of them.
    pub(crate) fn only<B: 'static>(
        &self,
        kind: &'static str,
        read: impl Fn(&mut Section<'_>) -> B + Send + Sync + 'static,
    ) -> Kinds<Option<B>> {
        let mut kinds = Kinds { databases: self.databases.clone(), ais: self.ais.clone(), ..Kinds::new() };
        for other in self.channels() {
            kinds = kinds.channel(other, |section| {
                section.leave_open();
                Ok(None)
            });
        }
        kinds.channel(kind, move |section| {
            section.leave_open();
            Ok(Some(read(section)))
        })
    }

    pub(super) fn databases(&self) -> &[&'static str] {
        &self.databases
    }

    pub(super) fn ais(&self) -> &[&'static str] {
        &self.ais
    }

    pub(super) fn channels(&self) -> Vec<&'static str> {
        self.channels.keys().copied().collect()
    }

    /// Reads the keys of a channel of this kind; `None` where the kind is not known.
    pub(super) fn read_channel(&self, kind: &str, section: &mut Section<'_>) -> Option<Result<A, Invalid>> {
        self.channels.get(kind).map(|read| read(section))
    }
}

impl<A> Default for Kinds<A> {
    fn default() -> Self {
        Self::new()
    }
}
