//! What a webhook does to a chat's threads. No SQL: the rows are read and written by
//! [`crate::thread_rows`], under the chat's lock.

use std::collections::BTreeMap;

use switchboard_core::{Flag, ThreadFields, ThreadUpdate};

/// A thread as it is in memory.
#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) struct Thread {
    /// `None` until it is stored.
    pub(crate) id: Option<i64>,
    /// `None` until the platform names it.
    pub(crate) platform_id: Option<String>,
    pub(crate) flags: BTreeMap<Flag, bool>,
    pub(crate) fields: ThreadFields,
    /// Whether what is stored is not this.
    pub(crate) changed: bool,
    /// The flags' changes that are not stored yet.
    pub(crate) events: Vec<(Flag, bool)>,
}

/// Those threads of a chat that a batch is about: the open one or else the latest, and all that it
/// names.
#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) struct ChatThreads {
    /// Oldest first.
    pub(crate) threads: Vec<Thread>,
    /// The place of the open one.
    pub(crate) open: Option<usize>,
}

impl ChatThreads {
    /// Applies an update, for a message or not. Returns the place of the thread that it is about;
    /// `None` where there is nothing to be about.
    pub(crate) fn apply(&mut self, update: &ThreadUpdate, has_message: bool) -> Option<usize> {
        if !has_message && *update == ThreadUpdate::default() {
            return None;
        }
        let place = match &update.thread_id {
            Some(thread_id) => self.named(thread_id),
            None => {
                self.open.or(self.threads.len().checked_sub(1)).unwrap_or_else(|| self.open_another(None))
            }
        };
        let closed = self.threads[place].update(update);
        if closed && self.open == Some(place) {
            self.open = None;
        }
        Some(place)
    }

    fn named(&mut self, platform_id: &str) -> usize {
        let of_that_name = |thread: &Thread| thread.platform_id.as_deref() == Some(platform_id);
        if let Some(place) = self.threads.iter().position(of_that_name) {
            return place;
        }
        match self.open {
            Some(place) if self.threads[place].platform_id.is_none() => {
                self.threads[place].platform_id = Some(platform_id.to_owned());
                self.threads[place].changed = true;
                place
            }
            _ => self.open_another(Some(platform_id.to_owned())),
        }
    }

    fn open_another(&mut self, platform_id: Option<String>) -> usize {
        self.threads.push(Thread { platform_id, changed: true, ..Thread::default() });
        let place = self.threads.len() - 1;
        self.open = Some(place);
        place
    }
}

impl Thread {
    /// Whether this closed it.
    fn update(&mut self, update: &ThreadUpdate) -> bool {
        let mut closed = false;
        for (&flag, &value) in &update.flags {
            let before = self.flags.insert(flag, value);
            if before == Some(value) {
                continue;
            }
            self.changed = true;
            // From unknown to no is what everybody assumed.
            if before.is_some() || value {
                self.events.push((flag, value));
            }
            closed |= flag == Flag::Close && value;
        }
        let mut fields = self.fields.clone();
        fields.merge(update.fields.clone());
        if fields != self.fields {
            self.fields = fields;
            self.changed = true;
        }
        closed
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn update(thread_id: Option<&str>, flags: &[(Flag, bool)]) -> ThreadUpdate {
        ThreadUpdate {
            thread_id: thread_id.map(str::to_owned),
            flags: flags.iter().copied().collect(),
            fields: ThreadFields::default(),
        }
    }

    fn one_open_unnamed() -> ChatThreads {
        ChatThreads { threads: vec![Thread { id: Some(1), ..Thread::default() }], open: Some(0) }
    }

    #[test]
    fn the_open_thread_gets_the_first_name_and_another_name_opens_another() {
        let mut chat = one_open_unnamed();
        assert_eq!(chat.apply(&update(Some("a"), &[]), true), Some(0));
        assert_eq!(chat.threads[0].platform_id.as_deref(), Some("a"));
        assert_eq!(chat.apply(&update(Some("b"), &[]), true), Some(1));
        assert_eq!(chat.open, Some(1));
        assert_eq!(chat.apply(&update(Some("a"), &[]), true), Some(0));
        assert_eq!(chat.open, Some(1));
    }

    #[test]
    fn closing_leaves_the_chat_without_an_open_thread_but_with_a_latest_one() {
        let mut chat = one_open_unnamed();
        chat.apply(&update(Some("a"), &[(Flag::Close, true)]), false);
        assert_eq!(chat.open, None);
        assert_eq!(chat.apply(&update(None, &[]), true), Some(0));
        // Stated again it is no change, whatever was opened since.
        chat.open = Some(0);
        chat.apply(&update(Some("a"), &[(Flag::Close, true)]), false);
        assert_eq!(chat.open, Some(0));
        assert_eq!(chat.threads[0].events, [(Flag::Close, true)]);
    }

    #[test]
    fn only_what_is_new_changes_a_thread() {
        let mut chat = one_open_unnamed();
        assert_eq!(chat.apply(&ThreadUpdate::default(), false), None);
        chat.apply(&ThreadUpdate::default(), true);
        assert!(!chat.threads[0].changed);
        chat.apply(&update(None, &[(Flag::Operator, false)]), false);
        assert!(chat.threads[0].changed);
        assert!(chat.threads[0].events.is_empty());
        chat.apply(&update(None, &[(Flag::Operator, true)]), false);
        chat.apply(&update(None, &[(Flag::Operator, false)]), false);
        assert_eq!(chat.threads[0].events, [(Flag::Operator, true), (Flag::Operator, false)]);
    }

    #[test]
    fn without_any_thread_one_is_opened() {
        let mut chat = ChatThreads::default();
        assert_eq!(chat.apply(&update(None, &[]), true), Some(0));
        assert_eq!(chat.open, Some(0));
    }
}
