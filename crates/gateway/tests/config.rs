//! The configuration: what a good one yields, and what is said of a bad one.

#[path = "config/appearance.rs"]
mod appearance;
#[path = "config/example.rs"]
mod example;
#[path = "config/good.rs"]
mod good;
#[path = "config/matrix.rs"]
mod matrix;
#[path = "config/mistakes.rs"]
mod mistakes;

use std::{io, path::Path};

use secrecy::SecretString;
use switchboard_gateway::config::{Config, Fault, Invalid, Kinds, Mistakes, Section, Sources};

/// What no error, log or `Debug` may show.
const SECRET: &str = "s3cret-in-the-environment";
const SECRET_IN_FILE: &str = "s3cret-in-a-file";

/// What the kinds make of their keys.
#[derive(Clone, Debug)]
enum Adapter {
    /// A stand-in for the page messenger.
    Web { allowed_origins: Vec<String>, title: Option<String> },
    /// A messenger of somebody else's.
    Pager { number: u32, secret: Option<SecretString> },
}

fn read_web(section: &mut Section<'_>) -> Adapter {
    let origin = |text: String| match text.strip_suffix('/') {
        None => Ok(text),
        Some(_) => Err(Fault::new("is not an origin", "take the slash off its end")),
    };
    Adapter::Web {
        allowed_origins: section.list("allowed_origins", origin).or(Vec::new()),
        title: section.string("title").optional(),
    }
}

fn read_pager(section: &mut Section<'_>) -> Result<Adapter, Invalid> {
    let number = section.integer("number", 1..=9).required();
    let loud = section.boolean("loud").or(false);
    let secret = section.secret("secret").optional();
    if number? == 9 && loud {
        return Err(section.mistake("loud", Fault::new("9 is never loud", "take another number")));
    }
    Ok(Adapter::Pager { number: number?, secret })
}

fn kinds() -> Kinds<Adapter> {
    Kinds::new()
        .database("postgres")
        .database("sqlite")
        .ai("selarti")
        .channel("web", |section| Ok(read_web(section)))
        .channel("pager", read_pager)
}

fn sources() -> Sources {
    Sources::new(
        |name| match name {
            "SECRET" => Some(SECRET.to_owned()),
            "EMPTY" => Some(String::new()),
            _ => None,
        },
        |path: &Path| match path.to_str() {
            Some("/run/secrets/token") => Ok(format!("{SECRET_IN_FILE}\n")),
            _ => Err(io::ErrorKind::NotFound.into()),
        },
    )
}

fn parse(text: &str) -> Result<Config<Adapter>, Mistakes> {
    Config::parse("config.toml", text, &sources(), &kinds())
}
