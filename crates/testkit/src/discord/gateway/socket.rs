//! One connection to the gateway.

use std::sync::Arc;

use futures_util::{SinkExt as _, StreamExt as _};
use hyper::upgrade::Upgraded;
use hyper_util::rt::TokioIo;
use serde_json::{Value, json};
use tokio::sync::mpsc::{UnboundedSender, unbounded_channel};
use tokio::time::{Duration, Instant, sleep, sleep_until, timeout};
use tokio_tungstenite::WebSocketStream;
use tokio_tungstenite::tungstenite::protocol::frame::coding::CloseCode;
use tokio_tungstenite::tungstenite::protocol::{CloseFrame, Role};
use tokio_tungstenite::tungstenite::{Error, Message};

use super::super::calls::World;
use super::super::faults::{Fault, strike};
use super::super::journal::Heartbeat;
use super::super::rates::Meter;
use super::super::state::Shared;
use super::opening::{Verdict, identify, resume};
use super::session::{Link, Order, control};

/// The longest payload that a bot may send, in bytes.
const LONGEST: usize = 4096;
/// How long the other side may take to answer a close.
const PATIENCE: Duration = Duration::from_secs(10);
/// How long the other side may be silent beyond two heartbeats.
const SILENCE: Duration = Duration::from_secs(5);

type Socket = WebSocketStream<TokioIo<Upgraded>>;

/// Why a connection ends.
enum End {
    /// This side closes it with a code.
    Close(u16),
    /// This side lets go without a word.
    Drop,
    /// The other side has closed it. Says whether the session ends with it.
    Left { ended: bool },
}

/// One connection.
struct Connection {
    world: Arc<World>,
    number: u64,
    at_resume_url: bool,
    orders: UnboundedSender<Order>,
    /// Once it has a session.
    bot: Option<Arc<Shared>>,
    frames: Meter,
    /// When it is closed if no heartbeat comes.
    deadline: Instant,
    interval: Duration,
    /// Whether the bot has ended the session.
    ended: bool,
}

/// However it ends, by being dropped as well, the session waits to be resumed.
impl Drop for Connection {
    fn drop(&mut self) {
        if let Some(bot) = &self.bot {
            bot.lock().detach(self.number, self.ended);
        }
    }
}

/// Serves a socket until it ends. `known` says whether the bot asked for what the server speaks.
pub(in super::super) async fn serve(upgraded: Upgraded, at_resume_url: bool, known: bool, world: Arc<World>) {
    let mut socket = WebSocketStream::from_raw_socket(TokioIo::new(upgraded), Role::Server, None).await;
    if !known {
        return close(&mut socket, 4012).await;
    }
    if let Some(code) = world.turned_away() {
        return close(&mut socket, code).await;
    }
    let (orders, mut todo) = unbounded_channel();
    let interval = world.heartbeat();
    let _ = orders.send(control(10, &json!({
        "heartbeat_interval": u64::try_from(interval.as_millis()).unwrap_or(u64::MAX), "_trace": ["stand-in"],
    })));
    let mut connection = Connection {
        number: world.next_connection(),
        world,
        at_resume_url,
        orders,
        bot: None,
        frames: Meter::default(),
        deadline: Instant::now(),
        interval,
        ended: false,
    };
    connection.live();
    let end = loop {
        tokio::select! {
            order = todo.recv() => match order.expect("the connection holds a sender") {
                Order::Say(text) => if socket.send(Message::Text(text)).await.is_err() {
                    break End::Left { ended: false };
                },
                Order::Close(code) => break End::Close(code),
                Order::Drop => break End::Drop,
                Order::Freeze => std::future::pending().await,
            },
            frame = socket.next() => if let Some(end) = connection.hear(frame).await {
                break end;
            },
            () = sleep_until(connection.deadline) => break End::Close(4009),
        }
    };
    match end {
        End::Close(code) => {
            connection.ended = matches!(code, 4007 | 4009);
            // The session waits from now on, not only when the other side has closed too.
            drop(connection);
            close(&mut socket, code).await;
        }
        End::Drop => {}
        End::Left { ended } => {
            connection.ended = ended;
            drop(connection);
            finish(&mut socket).await;
        }
    }
}

async fn close(socket: &mut Socket, code: u16) {
    let frame = CloseFrame { code: CloseCode::from(code), reason: reason(code).into() };
    if socket.close(Some(frame)).await.is_ok() {
        finish(socket).await;
    }
}

/// Waits for the other side to close too, or answers its close.
async fn finish(socket: &mut Socket) {
    let _ = timeout(PATIENCE, async { while let Some(Ok(_)) = socket.next().await {} }).await;
}

fn reason(code: u16) -> &'static str {
    match code {
        4001 => "Unknown opcode.",
        4002 => "Error while decoding payload.",
        4003 => "Not authenticated.",
        4004 => "Authentication failed.",
        4005 => "Already authenticated.",
        4007 => "Invalid seq.",
        4008 => "Rate limited.",
        4009 => "Session timed out.",
        4010 => "Invalid shard.",
        4011 => "Sharding required.",
        4012 => "Invalid API version.",
        4013 => "Invalid intent(s).",
        4014 => "Disallowed intent(s).",
        _ => "",
    }
}

impl Connection {
    /// A sign of life has come.
    fn live(&mut self) {
        self.deadline = Instant::now() + self.interval * 2 + SILENCE;
    }

    async fn hear(&mut self, frame: Option<Result<Message, Error>>) -> Option<End> {
        let text = match frame {
            Some(Ok(Message::Text(text))) => text,
            Some(Ok(Message::Close(frame))) => {
                // Only these two codes end the session. No code at all stands for 1005.
                let ended = frame.is_some_and(|frame| matches!(u16::from(frame.code), 1000 | 1001));
                return Some(End::Left { ended });
            }
            Some(Ok(Message::Binary(_))) => return Some(End::Close(4002)),
            Some(Ok(_)) => return None,
            Some(Err(_)) | None => return Some(End::Left { ended: false }),
        };
        if text.len() > LONGEST {
            return Some(End::Close(4002));
        }
        let Ok(payload) = serde_json::from_str::<Value>(&text) else {
            return Some(End::Close(4002));
        };
        if self.floods() {
            return Some(End::Close(4008));
        }
        let data = &payload["d"];
        match payload["op"].as_u64() {
            Some(1) => self.heartbeat(data),
            Some(2 | 6) if self.bot.is_some() => Some(End::Close(4005)),
            Some(2) => self.open(|this| identify(&this.world, data, this.link())).await,
            Some(6) => self.open(|this| resume(&this.world, data, this.link(), this.at_resume_url)).await,
            // Presences, voice and requests for members: they are taken and come to nothing.
            Some(3 | 4 | 8 | 31) if self.bot.is_some() => None,
            Some(3 | 4 | 8 | 31) => Some(End::Close(4003)),
            Some(_) => Some(End::Close(4001)),
            None => Some(End::Close(4002)),
        }
    }

    fn link(&self) -> Link {
        Link { number: self.number, orders: self.orders.clone() }
    }

    async fn open(&mut self, attempt: impl Fn(&Self) -> Verdict) -> Option<End> {
        loop {
            match attempt(self) {
                Verdict::Served(bot) => {
                    self.bot = Some(bot);
                    return None;
                }
                Verdict::Refused(order) => {
                    let _ = self.orders.send(order);
                    return None;
                }
                Verdict::Ignored => return None,
                Verdict::Later(time) => sleep(time).await,
                Verdict::Lost(bot) => {
                    self.bot = Some(bot);
                    return Some(End::Drop);
                }
            }
        }
    }

    fn heartbeat(&mut self, data: &Value) -> Option<End> {
        self.live();
        let fault = self.bot.as_ref().and_then(|bot| strike(&mut bot.lock().rules, "HEARTBEAT", None));
        let acknowledged = fault.is_none();
        if let Some(bot) = &self.bot {
            let (connection, seq, at) = (self.number, data.as_u64(), Instant::now());
            bot.lock().journal.heartbeats.push(Heartbeat { connection, seq, at, acknowledged });
        }
        if acknowledged {
            let _ = self.orders.send(control(11, &Value::Null));
        }
        match fault {
            Some(Fault::CloseCode(code)) => Some(End::Close(code)),
            Some(Fault::Closed) => Some(End::Drop),
            Some(Fault::InvalidSession { resumable }) => {
                let _ = self.orders.send(control(9, &resumable.into()));
                None
            }
            _ => None,
        }
    }

    /// Whether the bot sends more than it may, where there are limits.
    fn floods(&mut self) -> bool {
        let Some(bot) = &self.bot else { return false };
        let window = bot.lock().meters.as_ref().map(|meters| meters.rates.frames);
        window.is_some_and(|window| self.frames.count(window, Instant::now()).is_err())
    }
}
