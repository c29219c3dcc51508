//! One connection to the gateway.
//!
//! The library below logs every payload, the token in the first one included, at its lowest level. So whatever
//! it is asked to do is done without a subscriber: nothing of it can be logged, whatever the filter.

use std::time::Duration;

use futures_util::{SinkExt as _, StreamExt as _};
use reqwest::header::USER_AGENT;
use secrecy::SecretString;
use switchboard_core::RunError;
use tokio::{
    net::TcpStream,
    time::{Instant, sleep_until, timeout},
};
use tokio_tungstenite::{
    MaybeTlsStream, WebSocketStream, connect_async_with_config,
    tungstenite::{ClientRequestBuilder, Error, Message, Utf8Bytes, protocol::WebSocketConfig},
};
use tracing::{instrument::WithSubscriber as _, subscriber::NoSubscriber};
use url::Url;

use super::{
    Asked, Dispatch, Gateway,
    close::Closing,
    frame::{self, Frame, Hello, op},
    steady::Number,
};
use crate::{DiscordConfig, marks::Session};

/// The longest payload that is read, in bytes. A large guild is some megabytes.
const LONGEST: usize = 64 * 1024 * 1024;

/// The longest time between two heartbeats. Discord asks for one in 41 s.
const LONGEST_INTERVAL: Duration = Duration::from_mins(10);

/// How a connection gets its session.
pub(crate) enum Opening {
    /// A new one.
    Identify,
    /// One that goes on after its event `seq`.
    Resume(Session),
}

/// Why a connection ended.
pub(crate) enum End {
    /// A person must act.
    Fatal(RunError),
    /// The connection is gone; the session, if there is one, may be resumed.
    Lost {
        reason: String,
        /// Whether anything came of the connection.
        opened: bool,
    },
    /// There was none.
    Failed { reason: String, pause: Duration },
    /// The token was refused, once.
    Refused { reason: String },
    /// The session is over.
    Invalid { reason: String },
}

pub(super) struct Socket {
    stream: WebSocketStream<MaybeTlsStream<TcpStream>>,
    interval: Duration,
    /// Whether the last heartbeat was answered.
    acknowledged: bool,
    /// Whether the session has been opened.
    opened: bool,
}

impl Socket {
    /// Connects, and waits until Discord says hello.
    pub(super) async fn open(url: &str, config: &DiscordConfig) -> Result<Self, End> {
        // By TLS only where the token came by TLS, since it will be sent.
        let url = address(url, config.api_url.scheme() == "https")
            .ok_or_else(|| failed("the gateway's address is none, or not one by TLS"))?;
        let opened = timeout(config.patience, async {
            let mut stream = connect(&url).await?;
            loop {
                match stream.next().await {
                    Some(Ok(Message::Text(text))) => return Ok((stream, hello(&text).map_err(failed)?)),
                    Some(Ok(Message::Ping(_) | Message::Pong(_))) => {}
                    Some(Ok(Message::Close(frame))) => {
                        return Err(Closing::new(frame.as_ref(), &config.token).meaning(false));
                    }
                    Some(Err(error)) => return Err(failed(told(&error))),
                    Some(Ok(_)) | None => return Err(failed("the gateway says no hello")),
                }
            }
        });
        let opened = opened.with_subscriber(NoSubscriber::default()).await;
        let (stream, interval) = opened.map_err(|_| failed("the gateway does not answer"))??;
        Ok(Self { stream, interval, acknowledged: true, opened: false })
    }

    /// How often Discord wants a heartbeat.
    pub(super) fn interval(&self) -> Duration {
        self.interval
    }

    /// Opens the session and hands over its events until the connection ends. While nobody takes them, nothing
    /// more is read, but heartbeats go on.
    pub(super) async fn serve(
        &mut self,
        gateway: &mut Gateway<'_>,
        opening: &Opening,
        asked: Option<Asked>,
        number: Number,
    ) -> End {
        if let Err(end) = self.say(frame::open(opening, &gateway.config.token)).await {
            return end;
        }
        let mut silence = Instant::now() + gateway.config.patience;
        // At a random time at first, so that all who reconnect at once do not beat at once.
        let mut beat = Instant::now() + self.interval.mul_f64(fastrand::f64());
        let events = gateway.events.clone();
        loop {
            let heard = tokio::select! {
                () = sleep_until(beat) => {
                    beat += self.interval;
                    let seq = gateway.session.as_ref().map(|session| session.seq);
                    // What is not read cannot be seen to be answered.
                    let answered = self.acknowledged || events.capacity() == 0;
                    self.beat(seq, answered).await
                }
                () = sleep_until(silence), if !self.opened => {
                    silence = Instant::now() + gateway.config.patience;
                    // Nor can the session be seen to be open.
                    if events.capacity() == 0 { Ok(()) } else { Err(self.lost("the gateway opens no session")) }
                }
                message = async {
                    let _room = events.reserve().await;
                    self.stream.next().with_subscriber(NoSubscriber::default()).await
                } => match self.hear(message, &gateway.config.token) {
                    Ok(Some(frame)) => self.take(gateway, frame, asked, number).await,
                    Ok(None) => Ok(()),
                    Err(end) => Err(end),
                },
            };
            if let Err(end) = heard {
                return end;
            }
        }
    }

    fn hear(
        &mut self,
        message: Option<Result<Message, Error>>,
        token: &SecretString,
    ) -> Result<Option<Frame>, End> {
        match message {
            // What is no payload of the gateway's is nothing that could be done anything about.
            Some(Ok(Message::Text(text))) => Ok(serde_json::from_str(&text).ok()),
            Some(Ok(Message::Close(frame))) => Err(Closing::new(frame.as_ref(), token).meaning(self.opened)),
            Some(Ok(_)) => Ok(None),
            Some(Err(error)) => Err(self.lost(&told(&error))),
            None => Err(self.lost("Discord closed the connection")),
        }
    }

    async fn take(
        &mut self,
        gateway: &mut Gateway<'_>,
        frame: Frame,
        asked: Option<Asked>,
        connection: Number,
    ) -> Result<(), End> {
        match (frame.op, frame.s, frame.t, frame.d) {
            (op::DISPATCH, Some(seq), Some(name), data) => {
                self.opened = true;
                let asked = asked.filter(|_| name == "READY");
                gateway.received(Dispatch { seq, name, data, asked, connection }).await;
                Ok(())
            }
            (op::HEARTBEAT, ..) => {
                // Beside the usual ones: it may come just before one, whose answer is the one that is waited for.
                let seq = gateway.session.as_ref().map(|session| session.seq);
                self.say(frame::heartbeat(seq)).await
            }
            (op::HEARTBEAT_ACK, ..) => {
                self.acknowledged = true;
                gateway.status.progress();
                Ok(())
            }
            (op::RECONNECT, ..) => Err(self.lost("Discord asks to connect again")),
            (op::INVALID_SESSION, _, _, data) if data.get() == "true" => {
                Err(self.lost("Discord asks to resume the session"))
            }
            (op::INVALID_SESSION, ..) => {
                Err(End::Invalid { reason: "Discord says that it is invalid".to_owned() })
            }
            _ => Ok(()),
        }
    }

    async fn beat(&mut self, seq: Option<u64>, answered: bool) -> Result<(), End> {
        if !answered {
            return Err(self.lost("the gateway does not answer heartbeats"));
        }
        self.acknowledged = false;
        self.say(frame::heartbeat(seq)).await
    }

    /// A connection that takes nothing is as good as none.
    async fn say(&mut self, text: String) -> Result<(), End> {
        let sending = self.stream.send(Message::Text(Utf8Bytes::from(text)));
        let said = timeout(self.interval, sending.with_subscriber(NoSubscriber::default())).await;
        match said {
            Ok(Ok(())) => Ok(()),
            Ok(Err(error)) => Err(self.lost(&told(&error))),
            Err(_) => Err(self.lost("the gateway takes nothing")),
        }
    }

    fn lost(&self, reason: &str) -> End {
        End::Lost { reason: reason.to_owned(), opened: self.opened }
    }
}

/// Opens a WebSocket. Discord wants to know of every program what it is.
async fn connect(url: &Url) -> Result<WebSocketStream<MaybeTlsStream<TcpStream>>, End> {
    let uri = url.as_str().parse().map_err(|_| failed("the gateway's address is none"))?;
    let request = ClientRequestBuilder::new(uri).with_header(USER_AGENT.as_str(), crate::client::USER_AGENT);
    let config = WebSocketConfig::default().max_message_size(Some(LONGEST)).max_frame_size(Some(LONGEST));
    let connected = connect_async_with_config(request, Some(config), true).await;
    connected.map(|(stream, _)| stream).map_err(|error| failed(told(&error)))
}

fn failed(reason: impl Into<String>) -> End {
    End::Failed { reason: reason.into(), pause: Duration::ZERO }
}

/// The gateway's address, for version 10 in JSON.
fn address(url: &str, secure: bool) -> Option<Url> {
    let may_be = |url: &Url| url.scheme() == "wss" || (!secure && url.scheme() == "ws");
    let mut url = Url::parse(url).ok().filter(may_be)?;
    url.set_query(Some("v=10&encoding=json"));
    Some(url)
}

fn hello(text: &str) -> Result<Duration, String> {
    let frame: Option<Frame> = serde_json::from_str(text).ok();
    let hello = frame.filter(|frame| frame.op == op::HELLO);
    let hello = hello.and_then(|frame| serde_json::from_str::<Hello>(frame.d.get()).ok());
    let hello = hello.filter(|hello| hello.heartbeat_interval > 0).ok_or("the gateway says no hello")?;
    Ok(Duration::from_millis(hello.heartbeat_interval).min(LONGEST_INTERVAL))
}

/// What is wrong, without what was received.
fn told(error: &Error) -> String {
    match error {
        Error::Io(error) => format!("the connection to the gateway failed: {}", error.kind()),
        Error::Tls(error) => format!("no secure connection to the gateway: {error}"),
        Error::Http(response) => format!("the gateway answers with status {}", response.status().as_u16()),
        Error::ConnectionClosed | Error::AlreadyClosed => "the gateway closed the connection".to_owned(),
        _ => "the connection to the gateway broke".to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_token_that_came_by_tls_goes_by_tls() {
        for (url, secure, plain) in [
            ("wss://gateway.discord.gg", true, true),
            ("ws://127.0.0.1:8080/gateway", false, true),
            ("https://gateway.discord.gg", false, false),
            ("gateway", false, false),
        ] {
            assert_eq!(
                (address(url, true).is_some(), address(url, false).is_some()),
                (secure, plain),
                "{url}"
            );
        }
    }

    #[test]
    fn an_interval_is_never_absurd() {
        let hello = |interval: u64| {
            hello(&format!(r#"{{"op":10,"d":{{"heartbeat_interval":{interval}}},"s":null,"t":null}}"#)).ok()
        };
        assert_eq!(hello(41_250), Some(Duration::from_millis(41_250)));
        assert_eq!(hello(u64::MAX), Some(LONGEST_INTERVAL));
        assert_eq!(hello(0), None);
    }
}
