//! Checks that nobody on the platform notices. No message is sent, so whether the token is
//! accepted stays open.

use reqwest::{Response, header::LOCATION};
use switchboard_core::{Finding, chain};
use url::Url;

use super::{client::Client, config::is_loopback};

/// Whether there is a token, and whether anything answers at the platform's address.
pub(super) async fn probe(client: &Client) -> Vec<Finding> {
    let mut findings = vec![token(client)];
    if client.config.base_url.scheme() == "http" && !is_loopback(&client.config.base_url) {
        findings.push(Finding::warning(
            format!("{} is not encrypted: everybody on the way can read the token", origin(client)),
            "use https:// in base_url",
        ));
    }
    findings.push(address(client).await);
    findings
}

fn token(client: &Client) -> Finding {
    match client.config.token.read() {
        Ok(_) => {
            Finding::ok("there is a token; whether the platform accepts it shows with the first message")
        }
        Err(error) => Finding::error(error.to_string(), "put the platform's bearer token where `token` says"),
    }
}

async fn address(client: &Client) -> Finding {
    let origin = origin(client);
    // Without the token: this only asks whether anybody is there.
    match client.http.get(origin.clone()).send().await {
        Ok(response) => answered(&origin, &response),
        Err(error) => Finding::error(
            format!("{origin} does not answer: {}", chain(&error.without_url())),
            "check base_url, the name's DNS entry, the firewall, and that the platform is up",
        ),
    }
}

fn answered(origin: &Url, response: &Response) -> Finding {
    let status = response.status().as_u16();
    match elsewhere(origin, response) {
        Some(target) => Finding::warning(
            format!("{origin} sends us on to {target}; messages do not follow"),
            format!("if the platform is there, set base_url to {target}"),
        ),
        None => Finding::ok(format!("{origin} answers (with {status})")),
    }
}

/// The other origin that a redirect leads to.
fn elsewhere(origin: &Url, response: &Response) -> Option<Url> {
    if !response.status().is_redirection() {
        return None;
    }
    let target = origin.join(response.headers().get(LOCATION)?.to_str().ok()?).ok()?;
    (target.origin() != origin.origin()).then(|| root(&target))
}

fn origin(client: &Client) -> Url {
    root(&client.config.base_url)
}

/// The address without path and everything after it.
fn root(url: &Url) -> Url {
    let mut url = url.clone();
    url.set_path("/");
    url.set_query(None);
    url.set_fragment(None);
    url
}
