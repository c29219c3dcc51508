//! `kill -9` under load: nothing is lost, doubled or out of order, and what is encrypted can still be read.

use std::{cell::Cell, time::Duration};

use futures_util::future::join_all;
use switchboard_sandbox::Handle;
use switchboard_testkit::{synapse::homeserver, wait::wait_for};

use super::{Bot, Desk, LONG};
use crate::support::{Database, System, answered, check_questions, now};

/// How often the gateway is killed.
const KILLS: usize = 7;
/// How quickly each person writes. Synapse takes thirty messages in a second, from all together.
const PACE: Duration = Duration::from_millis(300);
/// How many questions reach the AI between two kills, at least.
const BETWEEN_KILLS: usize = 12;
/// How many of a person's messages have not reached the AI at most.
const WAITING: usize = 6;

#[tokio::test]
async fn nothing_is_lost_over_matrix_on_sqlite() {
    kill_under_load(Database::Sqlite).await;
}

#[tokio::test]
async fn nothing_is_lost_over_matrix_on_postgres() {
    kill_under_load(Database::postgres()).await;
}

async fn kill_under_load(database: Database) {
    let homeserver = homeserver().expect("Synapse runs");
    let bot = Bot::new(&homeserver).await;
    let mut system = System::start(database, &bot.channel("limits = \"off\"")).await;
    bot.hide_secrets(&mut system);
    let writers = [
        Writer::new(Desk::direct(&homeserver, &bot).await).await,
        Writer::new(Desk::direct(&homeserver, &bot).await).await,
        Writer::new(Desk::encrypted(&homeserver, &bot).await).await,
        Writer::new(Desk::group(&homeserver, &bot).await).await,
        Writer::new(Desk::thread(&homeserver, &bot).await).await,
    ];
    let (writing, sandbox) = (Cell::new(true), system.sandbox.clone());
    let killing = async {
        let mut kills = Vec::new();
        for _ in 0..KILLS {
            let goal = system.sandbox.requests(0).len() + BETWEEN_KILLS;
            system.wait_for_requests(goal).await;
            let before = now();
            system.kill_gateway().await;
            system.start_gateway().await;
            kills.push((before, now()));
        }
        writing.set(false);
        kills
    };
    let all_write = join_all(writers.iter().map(|writer| writer.write(&sandbox, &writing)));
    let (kills, _) = tokio::join!(killing, all_write);
    wait_until_quiet(&system, &writers).await;

    let mut count = 0;
    for writer in &writers {
        let asked = check_questions(&system, &writer.chat_id, writer.written.get(), &kills);
        let answers = writer.desk.wait_for_answers(asked.len()).await;
        let answers: Vec<String> = answers.iter().map(|text| answered(text)).collect();
        assert_eq!(answers, asked, "each answer once, in order, in its place");
        count += answers.len();
    }
    println!("{count} answers over {KILLS} kills");
}

/// Somebody who goes on writing.
struct Writer {
    desk: Desk,
    chat_id: String,
    written: Cell<usize>,
}

impl Writer {
    async fn new(desk: Desk) -> Self {
        Self { chat_id: desk.chat_id().await, desk, written: Cell::default() }
    }

    /// Writes m0, m1, m2 … while few of the ones before have not reached the AI.
    async fn write(&self, sandbox: &Handle, writing: &Cell<bool>) {
        while writing.get() {
            let asked = sandbox.requests(0).iter().filter(|it| it.chat_id == self.chat_id).count();
            let next = self.written.get();
            if next < asked + WAITING {
                self.desk.writes(&format!("m{next}")).await;
                self.written.set(next + 1);
            }
            tokio::time::sleep(PACE).await;
        }
    }
}

/// Everything was taken in, asked, answered and sent.
async fn wait_until_quiet(system: &System, writers: &[Writer]) {
    let all_asked = async || {
        let requests = system.sandbox.requests(0);
        let asked = |writer: &Writer| {
            let last = format!("m{}", writer.written.get() - 1);
            requests.iter().any(|it| it.chat_id == writer.chat_id && it.message == last)
        };
        writers.iter().all(asked).then_some(())
    };
    wait_for("the last messages to reach the AI", LONG, all_asked).await;
    let settled = async || system.deliveries().await.iter().all(|it| it["state"] == "sent").then_some(());
    wait_for("all deliveries to be settled", LONG, settled).await;
    let quiet = async || (system.sandbox.status().waiting == 0).then_some(());
    wait_for("the AI's webhooks to be taken", LONG, quiet).await;
    wait_for("the answers to be settled", LONG, settled).await;
}
