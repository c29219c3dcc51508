//! What an administrator does: registering users and limiting them.

use anyhow::{Context, Result, anyhow};
use hmac::{Hmac, Mac};
use hyper::Method;
use serde_json::{Value, json};
use sha1::Sha1;

use super::account::Account;
use super::http::call;
use super::shared::Homeserver;

impl Homeserver {
    /// A new user with a first device, called `@{name}-{random}:localhost`, and `name` for people.
    pub async fn register(&self, name: &str) -> Result<Account> {
        self.register_as(name, false).await
    }

    /// A new device of a user, logged in by password.
    pub async fn login(&self, user_id: &str, password: &str) -> Result<Account> {
        let identifier = json!({ "type": "m.id.user", "user": user_id });
        let body = json!({ "type": "m.login.password", "identifier": identifier, "password": password });
        let answer = self.call(Method::POST, "/_matrix/client/v3/login", Some(&body)).await?;
        Account::new(self, password, &answer)
    }

    /// Gives one user a limit of its own for messages: so many each second, after so many at once. With 0 and 0 the
    /// user is exempt from all limits, whatever those of the server are.
    pub async fn limit_messages(&self, user_id: &str, per_second: u32, at_once: u32) -> Result<()> {
        let admin = self.register_as("admin", true).await?;
        let path = format!("/_synapse/admin/v1/users/{user_id}/override_ratelimit");
        let body = json!({ "messages_per_second": per_second, "burst_count": at_once });
        admin.call(Method::POST, &path, Some(&body)).await.map(drop)
    }

    async fn register_as(&self, name: &str, admin: bool) -> Result<Account> {
        const PATH: &str = "/_synapse/admin/v1/register";
        let answer = self.call(Method::GET, PATH, None).await?;
        let nonce = answer["nonce"].as_str().context("Synapse gives a nonce")?;
        let (username, password) = (format!("{name}-{}", random_hex()?), random_hex()?);
        let body = json!({
            "nonce": nonce,
            "username": username,
            "displayname": name,
            "password": password,
            "admin": admin,
            "mac": self.proof(&[nonce, &username, &password, if admin { "admin" } else { "notadmin" }]),
        });
        let answer = self.call(Method::POST, PATH, Some(&body)).await?;
        Account::new(self, &password, &answer)
    }

    async fn call(&self, method: Method, path: &str, body: Option<&Value>) -> Result<Value> {
        call(method, &format!("{}{path}", self.base_url()), None, body).await
    }

    /// That who registers knows the server's secret.
    fn proof(&self, parts: &[&str]) -> String {
        let mut mac =
            Hmac::<Sha1>::new_from_slice(self.secret().as_bytes()).expect("a key of any length will do");
        mac.update(parts.join("\0").as_bytes());
        format!("{:x}", mac.finalize().into_bytes())
    }
}

pub(super) fn random_hex() -> Result<String> {
    let mut bytes = [0; 8];
    getrandom::fill(&mut bytes).map_err(|error| anyhow!("no random bytes: {error}"))?;
    Ok(format!("{:016x}", u64::from_ne_bytes(bytes)))
}
