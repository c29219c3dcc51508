//! `switchboard deliveries`: list, show, retry, discard.

use std::{process::ExitCode, time::Duration};

use anyhow::{Context as _, bail};
use clap::{Args, Subcommand, ValueEnum};
use switchboard_core::{ChannelName, ChatId};
use switchboard_store::{
    DeliveryDetail, DeliveryFilter, DeliveryId, DeliveryRow, DeliveryState, Direction, Store,
};
use time::{OffsetDateTime, format_description::well_known::Rfc3339};

use super::{ConfigFile, output::say, table::table};
use crate::{BuildAdapter, config::Kinds};

/// The longest error that the list shows; the whole is in `show`.
const SHORT: usize = 100;

#[derive(Debug, Args)]
pub(super) struct Arguments {
    #[command(flatten)]
    file: ConfigFile,
    #[command(subcommand)]
    action: Action,
}

#[derive(Debug, Subcommand)]
enum Action {
    /// List them, newest first
    List(List),
    /// Show one with its history
    Show {
        /// The delivery's id
        id: i64,
        /// As JSON
        #[arg(long)]
        json: bool,
    },
    /// Try dead or discarded ones again, each in its old place in its lane
    Retry(Chosen),
    /// Give up pending or dead ones for good; their lanes go on
    Discard(Chosen),
}

#[derive(Debug, Args)]
struct List {
    /// Only in this state
    #[arg(long, value_enum)]
    state: Option<State>,
    /// Only of this channel
    #[arg(long)]
    channel: Option<String>,
    /// Only of this chat
    #[arg(long)]
    chat: Option<String>,
    /// Only with a smaller id, for the next page
    #[arg(long, value_name = "ID")]
    before: Option<i64>,
    /// At most so many
    #[arg(long, default_value_t = 50, value_parser = clap::value_parser!(u32).range(1..=10_000))]
    limit: u32,
    /// As JSON
    #[arg(long)]
    json: bool,
}

#[derive(Debug, Args)]
struct Chosen {
    /// The deliveries' ids
    #[arg(required = true)]
    ids: Vec<i64>,
}

#[derive(Clone, Copy, Debug, ValueEnum)]
enum State {
    Pending,
    Sent,
    Dead,
    Discarded,
}

impl From<State> for DeliveryState {
    fn from(state: State) -> Self {
        match state {
            State::Pending => Self::Pending,
            State::Sent => Self::Sent,
            State::Dead => Self::Dead,
            State::Discarded => Self::Discarded,
        }
    }
}

pub(super) async fn run(arguments: Arguments, kinds: &Kinds<BuildAdapter>) -> anyhow::Result<ExitCode> {
    let config = arguments.file.load(kinds)?;
    let store = arguments.file.open_store(kinds).await?;
    let done = match arguments.action {
        Action::List(list) => list.run(&*store).await,
        Action::Show { id, json } => show(&*store, DeliveryId(id), json).await,
        Action::Retry(chosen) => {
            let (ai, messenger) = (config.delivery.ai_ttl, config.delivery.messenger_ttl);
            retry(&*store, chosen, ai, messenger).await
        }
        Action::Discard(chosen) => discard(&*store, chosen).await,
    };
    store.close().await;
    done
}

impl List {
    async fn run(self, store: &dyn Store) -> anyhow::Result<ExitCode> {
        let filter = DeliveryFilter {
            state: self.state.map(Into::into),
            channel: self.channel.map(ChannelName::new),
            chat_id: self.chat.map(ChatId::new),
            before: self.before.map(DeliveryId),
        };
        let rows = store.deliveries(&filter, self.limit).await?;
        if self.json {
            say(format_args!("{}", serde_json::to_string_pretty(&rows)?));
        } else {
            let header = ["ID", "STATE", "DIRECTION", "CHAT", "SEQ", "ATTEMPTS", "CREATED", "LAST ERROR"];
            say(table(header, &rows.iter().map(cells).collect::<Vec<_>>()).trim_end());
        }
        Ok(ExitCode::SUCCESS)
    }
}

fn cells(row: &DeliveryRow) -> [String; 8] {
    let error = row.last_error.as_deref().unwrap_or_default();
    let mut short: String = error.chars().take(SHORT).collect();
    if short.len() < error.len() {
        short.push('…');
    }
    [
        row.id.to_string(),
        row.state.as_str().to_owned(),
        row.direction.as_str().to_owned(),
        row.chat_id.to_string(),
        row.seq.to_string(),
        row.attempts.to_string(),
        when(row.created_at),
        short,
    ]
}

async fn show(store: &dyn Store, id: DeliveryId, json: bool) -> anyhow::Result<ExitCode> {
    let detail = store.delivery(id).await?.with_context(|| format!("there is no delivery {id}"))?;
    if json {
        say(format_args!("{}", serde_json::to_string_pretty(&detail)?));
    } else {
        print_detail(&detail);
    }
    Ok(ExitCode::SUCCESS)
}

fn print_detail(detail: &DeliveryDetail) {
    let row = &detail.row;
    say(format_args!("delivery {} ({}, {})", row.id, row.direction.as_str(), row.state.as_str()));
    say(format_args!("  channel     {}", row.channel));
    say(format_args!("  chat        {}", row.chat_id));
    say(format_args!("  place       {} in its lane, part {}", row.seq, row.part));
    say(format_args!("  created     {}", when(row.created_at)));
    if let Some(at) = row.run_at.filter(|_| row.state == DeliveryState::Pending) {
        say(format_args!("  next        {}", when(at)));
        say(format_args!("  expires     {}", when(detail.expires_at)));
    }
    if let Some(at) = row.finished_at {
        say(format_args!("  finished    {}", when(at)));
    }
    say(format_args!("  attempts    {}", row.attempts));
    for id in &detail.native_ids {
        say(format_args!("  native id   {id}"));
    }
    for attempt in &detail.history {
        say(format_args!(
            "  {}. {}  {}: {}",
            attempt.number,
            when(attempt.at),
            attempt.outcome,
            attempt.error
        ));
    }
    say(format_args!("  text        {}", detail.text.replace('\n', "\n              ")));
}

async fn retry(
    store: &dyn Store,
    chosen: Chosen,
    ai: Duration,
    messenger: Duration,
) -> anyhow::Result<ExitCode> {
    for id in chosen.ids.into_iter().map(DeliveryId) {
        let detail = store.delivery(id).await?.with_context(|| format!("there is no delivery {id}"))?;
        let ttl = match detail.row.direction {
            Direction::ToAi => ai,
            Direction::ToMessenger => messenger,
        };
        if !store.retry_delivery(id, ttl).await? {
            bail!(
                "delivery {id} is {}; only dead and discarded ones can be retried",
                detail.row.state.as_str()
            );
        }
        say(format_args!("delivery {id} will be tried again"));
    }
    Ok(ExitCode::SUCCESS)
}

async fn discard(store: &dyn Store, chosen: Chosen) -> anyhow::Result<ExitCode> {
    for id in chosen.ids.into_iter().map(DeliveryId) {
        if !store.discard_delivery(id).await? {
            let detail = store.delivery(id).await?.with_context(|| format!("there is no delivery {id}"))?;
            bail!(
                "delivery {id} is {}; only pending and dead ones can be discarded",
                detail.row.state.as_str()
            );
        }
        say(format_args!("delivery {id} is discarded"));
    }
    Ok(ExitCode::SUCCESS)
}

fn when(at: OffsetDateTime) -> String {
    at.replace_nanosecond(0).unwrap_or(at).format(&Rfc3339).unwrap_or_else(|_| at.to_string())
}
