//! A network that can be cut: what connects here is passed on to the gateway, or is not.

use std::sync::Arc;

use tokio::{
    io::copy_bidirectional,
    net::{TcpListener, TcpStream},
    sync::watch,
    task::JoinHandle,
};

/// A wire to a port of this machine. Ends with the test.
pub struct Wire {
    /// `http://…` of its other end.
    pub url: String,
    whole: Arc<watch::Sender<bool>>,
    server: JoinHandle<()>,
}

impl Wire {
    #[expect(clippy::disallowed_methods, reason = "the tasks end with the wire, which the test owns")]
    pub async fn to(url: &str) -> Self {
        let target = url.strip_prefix("http://").expect("a url of this machine").to_owned();
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a free port");
        let own = format!("http://{}", listener.local_addr().expect("an address"));
        let whole = Arc::new(watch::Sender::new(true));
        let state = whole.clone();
        let server = tokio::spawn(async move {
            while let Ok((mut near, _)) = listener.accept().await {
                let (target, mut state) = (target.clone(), state.subscribe());
                tokio::spawn(async move {
                    if !*state.borrow_and_update() {
                        return;
                    }
                    let Ok(mut far) = TcpStream::connect(&target).await else { return };
                    tokio::select! {
                        _ = copy_bidirectional(&mut near, &mut far) => {}
                        _ = state.changed() => {}
                    }
                });
            }
        });
        Self { url: own, whole, server }
    }

    /// Ends all connections, and every new one.
    pub fn cut(&self) {
        self.whole.send_replace(false);
    }

    /// Lets new connections through.
    pub fn mend(&self) {
        self.whole.send_replace(true);
    }
}

impl Drop for Wire {
    fn drop(&mut self) {
        self.server.abort();
    }
}
