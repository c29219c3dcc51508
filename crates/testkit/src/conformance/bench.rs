//! What a case works with: the platform, the kit's store, and one process of the gateway that can be stopped, killed
//! and started again. It stands in for the engine, which stores a text, renders it and sends it part by part.

use std::{
    any::Any,
    sync::{
        Arc, Mutex, OnceLock,
        atomic::{AtomicU64, Ordering},
    },
    time::Duration,
};

use switchboard_core::{
    Action, Capabilities, ChannelStatus, ConnectionState, ConversationId, IdempotencyKey, Inbox,
    IncomingMessage, Messenger, Receipt, RunError, SendError, SendText, chain,
    markup::{Rendered, render_markdown},
};
use tokio::{task::JoinHandle, time::timeout};
use tokio_util::{sync::CancellationToken, task::TaskTracker};

use super::{
    harness::{Connection, Harness, Lacks, Room, View, Written},
    ledger::{Door, Ledger, Via},
};
use crate::wait::wait_for;

/// How long is waited for what must come, at most. Nothing that goes well takes anything near.
pub(super) const LIMIT: Duration = Duration::from_mins(1);

/// What a case returns: that it passed, or that the platform lacks what it is about.
pub type Outcome = Result<(), Lacks>;

/// The bench that a case works at.
pub struct Bench<H> {
    pub(super) platform: H,
    pub(super) ledger: Ledger,
    process: Option<Process>,
    tasks: TaskTracker,
    numbers: AtomicU64,
    /// Everything that the adapter said in errors, findings and states.
    told: Mutex<Vec<String>>,
}

/// One life of the gateway.
struct Process {
    messenger: Arc<dyn Messenger>,
    /// Dropped with the process.
    _guard: Box<dyn Any + Send>,
    status: ChannelStatus,
    stop: CancellationToken,
    dead: CancellationToken,
    run: JoinHandle<()>,
    ended: Arc<OnceLock<Result<(), RunError>>>,
}

impl Drop for Process {
    fn drop(&mut self) {
        self.dead.cancel();
        self.run.abort();
    }
}

impl<H: Harness> Bench<H> {
    pub(super) fn new(platform: H) -> Self {
        Self {
            platform,
            ledger: Ledger::new(),
            process: None,
            tasks: TaskTracker::new(),
            numbers: AtomicU64::new(0),
            told: Mutex::default(),
        }
    }

    /// Starts a process: connects the adapter and runs it.
    pub(super) async fn start(&mut self) {
        self.start_process(true).await;
    }

    /// Starts a process that only sends, as far as it is asked to.
    pub(super) async fn start_without_a_run(&mut self) {
        self.start_process(false).await;
    }

    async fn start_process(&mut self, with_run: bool) {
        assert!(self.process.is_none(), "the kit starts one process at a time");
        let (dead, stop) = (CancellationToken::new(), CancellationToken::new());
        let (status, ended) = (ChannelStatus::new(), Arc::new(OnceLock::new()));
        self.ledger.begin_process();
        let inbox = |via| {
            let door = Door::new(self.ledger.clone(), via, dead.clone());
            Inbox::new(Arc::new(door), status.clone())
        };
        let Connection { messenger, guard } = self.platform.connect(inbox(Via::Routes)).await;
        let (running, end) = (messenger.clone(), ended.clone());
        let (run_inbox, run_stop) = (inbox(Via::Run), stop.clone());
        let run = self.tasks.spawn(async move {
            if !with_run {
                return;
            }
            let result = running.run(run_inbox, run_stop).await;
            end.set(result).expect("a run ends once");
        });
        self.process = Some(Process { messenger, _guard: guard, status, stop, dead, run, ended });
    }

    /// Starts a process and waits until it is connected.
    pub(super) async fn connect(&mut self) {
        self.start().await;
        self.until_state("the state to be connected", |state| *state == ConnectionState::Connected).await;
    }

    /// Ends the process at once, wherever it is.
    pub(super) async fn kill(&mut self) {
        let mut process = self.process.take().expect("a process runs");
        process.dead.cancel();
        process.run.abort();
        let ended = (&mut process.run).await;
        assert!(ended.is_ok() || ended.is_err_and(|error| error.is_cancelled()), "the run panicked");
    }

    /// Asks the run to stop, without waiting.
    pub(super) fn begin_stop(&self) {
        self.process().stop.cancel();
    }

    /// Asks the run to stop, and waits until it has ended.
    pub(super) async fn stop(&self) -> Result<(), RunError> {
        self.begin_stop();
        let process = self.process();
        let ended =
            wait_for("the run to end after it was stopped", LIMIT, async || process.ended.get().cloned());
        let ended = ended.await;
        self.tell(&ended);
        ended
    }

    /// How the run ended, if it has.
    pub(super) fn ended(&self) -> Option<Result<(), RunError>> {
        self.process().ended.get().cloned()
    }

    pub(super) fn messenger(&self) -> &dyn Messenger {
        &*self.process().messenger
    }

    pub(super) fn state(&self) -> ConnectionState {
        self.process().status.state()
    }

    pub(super) fn capabilities(&self, conversation: &ConversationId) -> Capabilities {
        self.messenger().capabilities(conversation)
    }

    /// Waits until the condition says something, as long as the run goes on.
    pub(super) async fn until<T>(&self, what: &str, mut condition: impl AsyncFnMut() -> Option<T>) -> T {
        wait_for(what, LIMIT, async || {
            let answer = condition().await;
            if answer.is_none() {
                self.assert_running(what);
            }
            answer
        })
        .await
    }

    /// Waits for a state of the connection.
    pub(super) async fn until_state(&self, what: &str, wanted: impl Fn(&ConnectionState) -> bool) {
        let state = self.until(what, async || Some(self.state()).filter(&wanted)).await;
        self.tell(&state);
    }

    fn assert_running(&self, what: &str) {
        let ended = self.process.as_ref().and_then(|process| process.ended.get());
        let asked = self.process.as_ref().is_some_and(|process| process.stop.is_cancelled());
        assert!(
            ended.is_none() || asked,
            "the run ended without having been stopped, with {ended:?}, before {what}"
        );
    }

    fn process(&self) -> &Process {
        self.process.as_ref().expect("a process runs")
    }

    /// Has somebody write, and waits until it is stored.
    pub(super) async fn receive(&self, room: Room, text: &str) -> Result<IncomingMessage, Lacks> {
        self.platform.write(room, text).await?;
        // In a group the text may also hold what addresses the channel.
        let whole = matches!(room, Room::Direct(_));
        let what = format!("{text:?} from {room:?} to be stored");
        let found = |message: &IncomingMessage| {
            if whole { message.text == text } else { message.text.contains(text) }
        };
        Ok(self.until(&what, async || self.ledger.messages().into_iter().find(found)).await)
    }

    /// Waits until the text has been stored, and returns the texts in its order.
    pub(super) async fn until_stored(&self, texts: &[String]) {
        self.until(&format!("{texts:?} to be stored"), async || {
            let messages = self.ledger.messages();
            texts.iter().all(|text| messages.iter().any(|message| message.text == *text)).then_some(())
        })
        .await;
    }

    /// Waits until the text has been handed over, whatever became of it.
    pub(super) async fn until_handed_over(&self, text: &str, times: usize) {
        let what = format!("{text:?} to be handed over, {times} times");
        let handed =
            || self.ledger.attempts().iter().filter(|attempt| attempt.message(text).is_some()).count();
        self.until(&what, async || (handed() >= times).then_some(())).await;
    }

    /// Waits until the platform knows that the adapter has it. Platforms that are told nothing are passed over.
    pub(super) async fn until_confirmed(&self, written: &Written) {
        self.until(&format!("{written:?} to be confirmed"), async || {
            self.platform.confirmed(written).await.unwrap_or(true).then_some(())
        })
        .await;
    }

    /// Has somebody write in the room, so that the channel knows it.
    pub(super) async fn meet(&self, room: Room) -> Result<ConversationId, Lacks> {
        Ok(self.receive(room, &self.text("hello")).await?.conversation)
    }

    /// A text that was not used before.
    pub(super) fn text(&self, word: &str) -> String {
        format!("{word} {}", self.numbers.fetch_add(1, Ordering::Relaxed))
    }

    /// The action that sends a text, under a key of its own.
    pub(super) fn sending(&self, conversation: &ConversationId, text: Rendered) -> Action {
        Action::SendText(SendText {
            key: self.key(),
            conversation: conversation.clone(),
            text,
            reply_to: None,
        })
    }

    pub(super) fn key(&self) -> IdempotencyKey {
        IdempotencyKey::new(format!("{:024x}", self.numbers.fetch_add(1, Ordering::Relaxed)))
    }

    /// The parts that the engine makes of it.
    pub(super) fn parts(&self, conversation: &ConversationId, markdown: &str) -> Vec<Rendered> {
        render_markdown(markdown, &self.capabilities(conversation).text)
    }

    /// Stores a text and sends all its parts, which must succeed. Returns what of it is to be seen.
    pub(super) async fn send(&self, conversation: &ConversationId, markdown: &str) -> Vec<Rendered> {
        let parts = self.parts(conversation, markdown);
        self.ledger.answer(conversation, markdown);
        for part in &parts {
            let sent = self.execute(&self.sending(conversation, part.clone())).await;
            assert!(sent.is_ok(), "a text was not sent: {}", chain(&sent.expect_err("it failed")));
        }
        self.platform.looks(markdown, &parts)
    }

    /// Has the adapter carry out an action.
    pub(super) async fn execute(&self, action: &Action) -> Result<Receipt, SendError> {
        let done = timeout(LIMIT, self.messenger().execute(action)).await.expect("execute returns in time");
        if let Err(error) = &done {
            self.tell(&format!("{error} {error:?} {}", chain(error)));
        }
        done
    }

    pub(super) async fn view(&self, room: Room) -> View {
        self.platform.view(room).await
    }

    /// Waits until the room shows exactly these texts.
    pub(super) async fn until_shown(&self, room: Room, expected: &[Rendered]) {
        let seen = Mutex::new(Vec::new());
        let showing = wait_for("a view", LIMIT, async || {
            let view = self.view(room).await;
            let texts: Vec<Rendered> = view.messages.into_iter().map(|shown| shown.text).collect();
            // What is there already does not change any more, so a wrong beginning need not be waited for.
            let over = texts == *expected || !expected.starts_with(&texts);
            *seen.lock().expect("no panic") = texts;
            over.then_some(())
        });
        let shown = timeout(LIMIT / 2, showing).await;
        let seen = seen.into_inner().expect("no panic");
        assert!(shown.is_ok() && seen == expected, "{}", difference(room, &seen, expected));
    }

    /// Checks that the room shows exactly these texts, and that nothing of them comes again later: one more text is
    /// sent and must be the next.
    pub(super) async fn shows_only(&self, room: Room, conversation: &ConversationId, expected: &[Rendered]) {
        self.until_shown(room, expected).await;
        let last = self.send(conversation, &self.text("and last")).await;
        self.until_shown(room, &[expected, &last].concat()).await;
    }

    /// Keeps what the adapter said, to be searched for secrets.
    pub(super) fn tell(&self, what: &impl std::fmt::Debug) {
        self.told.lock().expect("no panic").push(format!("{what:?}"));
    }

    pub(super) fn told(&self) -> Vec<String> {
        self.told.lock().expect("no panic").clone()
    }
}

/// Where what is seen differs from what is expected.
fn difference(room: Room, seen: &[Rendered], expected: &[Rendered]) -> String {
    let at = seen.iter().zip(expected).take_while(|(seen, expected)| seen == expected).count();
    let one = |texts: &[Rendered]| texts.get(at).map_or("nothing".to_owned(), |text| format!("{text:.300?}"));
    format!(
        "{room:?} shows {} messages, expected are {}; number {at} is {} instead of {}",
        seen.len(),
        expected.len(),
        one(seen),
        one(expected)
    )
}
