//! A headless Chromium for tests of pages, driven through `WebDriver` by Debian's `chromium` and `chromium-driver`.

use std::fs;
use std::io::{ErrorKind, Read, Write};
use std::net::{Ipv4Addr, TcpStream};
use std::path::Path;
use std::process::Stdio;
use std::time::Duration;

use anyhow::{Context, Result, bail};
use fantoccini::{Client, ClientBuilder};
use hyper_util::client::legacy::connect::HttpConnector;
use serde_json::{Value, json};

use crate::child::{self, Child, DeathSignal};
use crate::directory::ScratchDirectory;
use crate::port::free_port;
use crate::wait::wait_for;

pub use fantoccini;

/// One browser with one page and a fresh profile. Ended when dropped.
#[derive(Debug)]
pub struct Browser {
    client: Client,
    session: String,
    port: u16,
    driver: Child,
    // After the driver, so that the browser is gone when its profile goes.
    profile: ScratchDirectory,
}

impl Browser {
    /// Starts the driver on a free port, and the browser.
    pub async fn start() -> Result<Self> {
        let port = free_port()?;
        let mut command = child::command("chromedriver", DeathSignal::Terminate);
        command.arg(format!("--port={port}"));
        command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
        let (driver, _) =
            Child::spawn(command).context("start chromedriver: apt-get install chromium chromium-driver")?;
        let listens = async || TcpStream::connect((Ipv4Addr::LOCALHOST, port)).ok();
        wait_for("chromedriver to listen", Duration::from_mins(1), listens).await;

        let profile = ScratchDirectory::create("browser")?;
        let client = open_session(port, profile.path()).await?;
        let session = client.session_id().await?.context("the browser's session has no id")?;
        Ok(Self { client, session, port, driver, profile })
    }

    /// Goes to pages, finds elements, clicks, types, runs scripts.
    pub fn client(&self) -> &Client {
        &self.client
    }

    /// The browser's profile folder, empty at the start.
    pub fn profile(&self) -> &Path {
        self.profile.path()
    }

    /// Gives the browser a command of its developer tools, such as `Emulation.setEmulatedMedia`.
    pub fn developer_tools(&self, command: &str, parameters: &Value) -> Result<()> {
        let body = json!({ "cmd": command, "params": parameters }).to_string();
        let path = format!("/session/{}/goog/cdp/execute", self.session);
        let answer = request(self.port, "POST", &path, &body, Duration::from_mins(1))?;
        if !answer.starts_with("HTTP/1.1 200") {
            bail!("the browser refused {command}: {answer}");
        }
        Ok(())
    }

    /// Makes the browser one of somebody who prefers dark colours, or light ones.
    pub fn prefer_dark(&self, dark: bool) -> Result<()> {
        let value = if dark { "dark" } else { "light" };
        let features = json!([{ "name": "prefers-color-scheme", "value": value }]);
        self.developer_tools("Emulation.setEmulatedMedia", &json!({ "features": features }))
    }

    /// Makes the browser one of somebody who reads this language.
    pub fn read_language(&self, language: &str) -> Result<()> {
        let parameters = json!({ "userAgent": "Chromium", "acceptLanguage": language });
        self.developer_tools("Emulation.setUserAgentOverride", &parameters)
    }

    /// Makes what is shown as large as a screen of this size, in CSS pixels, with a finger instead
    /// of a mouse where it is a phone's.
    pub fn resize(&self, width: u32, height: u32, phone: bool) -> Result<()> {
        let metrics = json!({ "width": width, "height": height, "deviceScaleFactor": 1, "mobile": phone });
        self.developer_tools("Emulation.setDeviceMetricsOverride", &metrics)?;
        self.developer_tools("Emulation.setTouchEmulationEnabled", &json!({ "enabled": phone }))
    }

    /// Saves what the page shows as a PNG.
    pub async fn screenshot(&self, path: &Path) -> Result<()> {
        let png = self.client.screenshot().await.context("take a screenshot")?;
        fs::write(path, png).with_context(|| format!("write {}", path.display()))
    }
}

impl Drop for Browser {
    fn drop(&mut self) {
        // The driver is killed next and would leave the browser behind; ending the session ends the browser.
        let _ = end_session(self.port, &self.session);
        self.driver.signal(rustix::process::Signal::TERM);
        self.driver.wait(Duration::from_secs(5));
    }
}

async fn open_session(port: u16, profile: &Path) -> Result<Client> {
    let arguments = [
        "--headless=new",
        "--no-sandbox",
        "--disable-gpu",
        "--disable-quic",
        "--no-first-run",
        "--disable-background-networking",
        "--disable-component-update",
        "--disable-sync",
        "--disable-dev-shm-usage",
        "--window-size=1000,800",
        // It is driven through a pipe, and ends when the pipe does, whatever became of the driver.
        "--remote-debugging-pipe",
    ];
    let mut arguments: Vec<String> = arguments.map(str::to_owned).into();
    arguments.push(format!("--user-data-dir={}", profile.display()));
    let capabilities = json!({
        "goog:chromeOptions": { "args": arguments },
        // In milliseconds. A script that looks at a whole page takes long on a busy machine.
        "timeouts": { "script": 120_000 },
    });
    let capabilities = capabilities.as_object().context("the capabilities are an object")?.clone();
    ClientBuilder::new(HttpConnector::new())
        .capabilities(capabilities)
        .connect(&format!("http://127.0.0.1:{port}"))
        .await
        .context("open a browser session")
}

/// `DELETE /session/{id}`, whose answer means that the session has ended.
fn end_session(port: u16, session: &str) -> std::io::Result<()> {
    request(port, "DELETE", &format!("/session/{session}"), "", Duration::from_secs(10)).map(drop)
}

/// A request to the driver by hand, for what the client has no call for, and for a drop, which
/// cannot wait for one. The first bytes of the answer.
fn request(port: u16, method: &str, path: &str, body: &str, limit: Duration) -> std::io::Result<String> {
    let mut stream = TcpStream::connect((Ipv4Addr::LOCALHOST, port))?;
    stream.set_read_timeout(Some(limit))?;
    let length = body.len();
    write!(
        stream,
        "{method} {path} HTTP/1.1\r\nHost: 127.0.0.1\r\nConnection: close\r\nContent-Length: {length}\r\n\r\n{body}"
    )?;
    let mut answer = [0; 1024];
    let read = loop {
        match stream.read(&mut answer) {
            // As after a stop of the whole process.
            Err(error) if error.kind() == ErrorKind::Interrupted => {}
            read => break read?,
        }
    };
    Ok(String::from_utf8_lossy(&answer[..read]).into_owned())
}
