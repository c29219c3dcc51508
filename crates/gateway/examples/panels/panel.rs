//! Pages that are open: a connection and a stream each, with as little memory as that takes.

use std::{
    io,
    net::SocketAddr,
    sync::{
        Arc, Mutex,
        atomic::{AtomicUsize, Ordering},
    },
    time::Duration,
};

use anyhow::{Context as _, bail, ensure};
use tokio::{
    net::TcpStream,
    sync::Semaphore,
    time::{Instant, sleep},
};
use tokio_util::{sync::CancellationToken, task::TaskTracker};

use super::site::{PATH, Session};

/// How many connect at the same time.
const CONNECTING: usize = 200;
/// How long the gateway may take for its answer.
const ANSWER_WITHIN: Duration = Duration::from_secs(30);
/// What stands before the number of an answer whose way is timed.
pub const MARK: &[u8] = b"timed answer ";

/// Panels that come back when they lose their stream. Close when dropped.
pub struct Panels {
    stop: CancellationToken,
}

impl Panels {
    /// One panel for each visitor.
    pub fn open(address: SocketAddr, sessions: Vec<Session>, board: &Arc<Board>) -> Self {
        let (tasks, stop, turn) =
            (TaskTracker::new(), CancellationToken::new(), Arc::new(Semaphore::new(CONNECTING)));
        for Session { token, .. } in sessions {
            let (board, stop, turn) = (board.clone(), stop.clone(), turn.clone());
            tasks.spawn(async move {
                // A dropped panel closes its connection.
                stop.run_until_cancelled(live(address, &token, &board, &turn)).await;
            });
        }
        Self { stop }
    }
}

impl Drop for Panels {
    fn drop(&mut self) {
        self.stop.cancel();
    }
}

/// Connects, stays, and comes back as the page does.
async fn live(address: SocketAddr, token: &str, board: &Board, turn: &Semaphore) {
    let mut attempt = 0;
    loop {
        let mut retry = None;
        let first =
            if attempt == 0 && board.open.load(Ordering::Relaxed) < board.expected.load(Ordering::Relaxed) {
                turn.acquire().await.ok()
            } else {
                None
            };
        let connected = connect(address, token).await;
        drop(first);
        match connected {
            Ok(stream) => {
                attempt = 0;
                board.open.fetch_add(1, Ordering::Relaxed);
                retry = follow(&stream, board).await;
                board.open.fetch_sub(1, Ordering::Relaxed);
            }
            Err(error) => {
                attempt += 1;
                board.failed(&error);
            }
        }
        let backoff = Duration::from_secs(1 << attempt.min(5)).mul_f64(0.5 + fastrand::f64());
        sleep(retry.unwrap_or(backoff)).await;
    }
}

/// Opens the stream, and reads until it has said that it is ready.
async fn connect(address: SocketAddr, token: &str) -> anyhow::Result<TcpStream> {
    let stream = TcpStream::connect(address).await.context("connect")?;
    let request = format!(
        "GET {PATH}/events HTTP/1.1\r\nHost: {address}\r\nAuthorization: Bearer {token}\r\n{BROWSER}\r\n"
    );
    ensure!(stream.try_write(request.as_bytes()).context("write")? == request.len(), "a short write");
    tokio::time::timeout(ANSWER_WITHIN, ready(&stream)).await.context("no answer")??;
    Ok(stream)
}

/// What a browser adds to a request.
const BROWSER: &str = "Accept: */*\r\nAccept-Encoding: gzip, deflate, br, zstd\r\nAccept-Language: en-GB,en;q=0.9\r\n\
    Cache-Control: no-cache\r\nOrigin: https://www.example.com\r\nReferer: https://www.example.com/\r\n\
    Sec-Fetch-Dest: empty\r\nSec-Fetch-Mode: cors\r\nSec-Fetch-Site: cross-site\r\n\
    User-Agent: Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/146.0.0.0 Safari/537.36\r\n";

async fn ready(stream: &TcpStream) -> anyhow::Result<()> {
    let mut read = Vec::new();
    loop {
        receive(stream, |bytes| read.extend_from_slice(bytes)).await?;
        let text = String::from_utf8_lossy(&read);
        if !text.starts_with("HTTP/1.1 200") && text.len() > 12 {
            bail!("{}", text.lines().next().unwrap_or_default());
        }
        if text.contains("event: ready") {
            return Ok(());
        }
    }
}

/// Reads until the stream ends; how long the gateway asked to wait before coming back.
async fn follow(stream: &TcpStream, board: &Board) -> Option<Duration> {
    let mut retry = None;
    while receive(stream, |bytes| {
        if let Some(number) = number_after(bytes, MARK) {
            board.arrived(number);
        }
        retry = number_after(bytes, b"retry: ").map(|it| Duration::from_millis(it as u64)).or(retry);
    })
    .await
    .is_ok()
    {}
    retry
}

/// Waits for bytes and has a look at them. The buffer is there for no longer than that.
async fn receive(stream: &TcpStream, look: impl FnOnce(&[u8])) -> io::Result<()> {
    loop {
        stream.readable().await?;
        let mut buffer = [0; 4096];
        match stream.try_read(&mut buffer) {
            Ok(0) => return Err(io::ErrorKind::UnexpectedEof.into()),
            Ok(length) => {
                look(&buffer[..length]);
                return Ok(());
            }
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => {}
            Err(error) => return Err(error),
        }
    }
}

fn number_after(bytes: &[u8], mark: &[u8]) -> Option<usize> {
    let at = bytes.windows(mark.len()).position(|window| window == mark)? + mark.len();
    let digits: Vec<u8> = bytes[at..].iter().copied().take_while(u8::is_ascii_digit).collect();
    String::from_utf8(digits).ok()?.parse().ok()
}

/// What all panels report to.
pub struct Board {
    open: AtomicUsize,
    expected: AtomicUsize,
    failures: AtomicUsize,
    answers: Mutex<Vec<Answer>>,
}

/// When an answer was handed to the gateway, when it was confirmed, and when it was on the panel.
#[derive(Clone, Copy, Default)]
struct Answer {
    posted: Option<Instant>,
    confirmed: Option<Instant>,
    arrived: Option<Instant>,
}

impl Board {
    pub fn new(answers: usize) -> Self {
        Self {
            open: AtomicUsize::new(0),
            expected: AtomicUsize::new(0),
            failures: AtomicUsize::new(0),
            answers: Mutex::new(vec![Answer::default(); answers]),
        }
    }

    /// Waits until so many panels are open.
    pub async fn wait_for(&self, panels: usize, patience: Duration) -> anyhow::Result<()> {
        let deadline = Instant::now() + patience;
        self.expected.store(panels, Ordering::Relaxed);
        while self.open.load(Ordering::Relaxed) < panels {
            if Instant::now() > deadline {
                bail!("only {} of {panels} panels are open", self.open.load(Ordering::Relaxed));
            }
            sleep(Duration::from_millis(20)).await;
        }
        Ok(())
    }

    /// How many attempts have failed.
    pub fn failures(&self) -> usize {
        self.failures.load(Ordering::Relaxed)
    }

    fn failed(&self, error: &anyhow::Error) {
        if self.failures.fetch_add(1, Ordering::Relaxed).is_multiple_of(5_000) {
            println!("(an attempt failed: {error:#})");
        }
    }

    /// How many answers are to be timed.
    pub fn answers(&self) -> usize {
        self.answers.lock().expect("nothing panics meanwhile").len()
    }

    pub fn posted(&self, number: usize, at: Instant) {
        self.answers.lock().expect("nothing panics meanwhile")[number].posted = Some(at);
    }

    pub fn confirmed(&self, number: usize) {
        self.answers.lock().expect("nothing panics meanwhile")[number].confirmed = Some(Instant::now());
    }

    fn arrived(&self, number: usize) {
        let now = Instant::now();
        if let Some(answer) = self.answers.lock().expect("nothing panics meanwhile").get_mut(number) {
            answer.arrived.get_or_insert(now);
        }
    }

    /// Prints how long the answers took.
    pub fn report_latencies(&self) {
        let answers = self.answers.lock().expect("nothing panics meanwhile").clone();
        let since = |from: fn(&Answer) -> Option<Instant>| {
            let mut times: Vec<Duration> = answers
                .iter()
                .filter_map(|it| Some(it.arrived?.saturating_duration_since(from(it)?)))
                .collect();
            times.sort_unstable();
            times
        };
        let (posted, confirmed) = (since(|it| it.posted), since(|it| it.confirmed));
        println!("{} of {} answers arrived", posted.len(), answers.len());
        print_times("from the webhook's request to the panel", &posted);
        print_times("from the webhook's 200 to the panel", &confirmed);
    }
}

fn print_times(what: &str, times: &[Duration]) {
    let Some(last) = times.len().checked_sub(1) else { return };
    let at = |percent: usize| times[last * percent / 100].as_secs_f64() * 1000.0;
    println!("{what}: p50 {:.1} ms, p99 {:.1} ms, max {:.1} ms", at(50), at(99), at(100));
}
