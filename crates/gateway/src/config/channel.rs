//! `[[channel]]`: one account on one messenger. The keys that only one kind of messenger has are
//! read by what is registered for that kind.

use std::time::Duration;

use switchboard_core::{AiName, ChannelName};
use switchboard_engine::{Groups, Limits, OnUnknown, Scope};

use super::{kinds::Kinds, limits, mistake::Invalid, name::Names, nearest, section::Section, value};

const SECOND: Duration = Duration::from_secs(1);
const HOUR: Duration = Duration::from_hours(1);

/// One `[[channel]]`
#[derive(Clone, Debug)]
pub struct ChannelConfig<A> {
    /// Its name, a part of the `chat_id`s of its chats: another name starts new chats.
    pub name: ChannelName,
    /// The kind of messenger; one of the known ones.
    pub kind: String,
    /// The AI that answers; an `[[ai]]` with this name exists.
    pub ai: AiName,
    /// The AI platform's id of the task that this channel belongs to.
    pub task_id: String,
    /// When the bot answers in groups. Default: [`Groups::Mention`].
    pub groups: Groups,
    /// Who shares a chat in a group. Default: [`Scope::User`].
    pub scope: Scope,
    /// How fast it sends. Default: [`Limits::Platform`].
    pub limits: Limits,
    /// What happens after a send whose outcome cannot be known. Default: [`OnUnknown::Retry`].
    pub on_unknown: OnUnknown,
    /// For how long it is shown that an answer is being written, at most. Default: 2 min.
    pub typing_cap: Duration,
    /// What a user is told once where the answer is late, in Markdown. Default: nothing.
    pub notice: Option<String>,
    /// After how long an answer is late. Default: 1 min.
    pub notice_after: Duration,
    /// What the kind made of its own keys.
    pub adapter: A,
}

impl<A> ChannelConfig<A> {
    pub(super) fn read(
        section: &mut Section<'_>,
        names: &mut Names,
        ai_names: &Names,
        kinds: &Kinds<A>,
    ) -> Result<Self, Invalid> {
        let name = names.claim(section);
        let ai = ai_names.refer(section, "ai", "[[ai]]");
        let task_id = section.string("task_id").required();
        let groups = read_groups(section);
        let scope = section.one_of("scope", &[("user", Scope::User), ("room", Scope::Room)]);
        let scope = scope.or(Scope::User);
        let limits = limits::read(section);
        let on_unknown =
            section.one_of("on_unknown", &[("retry", OnUnknown::Retry), ("drop", OnUnknown::Drop)]);
        let on_unknown = on_unknown.or(OnUnknown::Retry);
        let typing_cap = section.duration("typing_cap", Duration::ZERO..=HOUR).or(default_typing_cap());
        let notice = section.string("notice").optional();
        let notice_after = section.duration("notice_after", SECOND..=24 * HOUR).or(default_notice_after());
        let adapter = read_kind(section, kinds);
        let (kind, adapter) = adapter?;
        Ok(Self {
            name: ChannelName::new(name?),
            kind,
            ai: AiName::new(ai?),
            task_id: task_id?,
            groups,
            scope,
            limits,
            on_unknown,
            typing_cap,
            notice,
            notice_after,
            adapter,
        })
    }
}

fn read_groups(section: &mut Section<'_>) -> Groups {
    let choices = [("mention", Groups::Mention), ("all", Groups::All), ("off", Groups::Off)];
    section.one_of("groups", &choices).or(Groups::Mention)
}

/// Reads the kind, and then the keys that only this kind has.
fn read_kind<A>(section: &mut Section<'_>, kinds: &Kinds<A>) -> Result<(String, A), Invalid> {
    let known = kinds.channels();
    let kind = section.text("kind", nearest::any_of(&known)).then(|text| {
        if known.contains(&text.resolved.as_str()) {
            return Ok(text.resolved);
        }
        Err(value::none_of(&text, &known))
    });
    let kind = kind.required().inspect_err(|_| section.leave_open())?;
    let adapter = kinds.read_channel(&kind, section).expect("the kind is one of the known ones");
    Ok((kind, adapter?))
}

fn default_typing_cap() -> Duration {
    Duration::from_mins(2)
}

fn default_notice_after() -> Duration {
    Duration::from_mins(1)
}
