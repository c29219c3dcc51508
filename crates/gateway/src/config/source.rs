//! Where values come from beside the configuration file: environment variables and other files.

use std::{
    fmt,
    io::{self, ErrorKind},
    path::Path,
    sync::Arc,
};

use super::mistake::Fault;

type ReadVariable = dyn Fn(&str) -> Option<String> + Send + Sync;
type ReadFile = dyn Fn(&Path) -> io::Result<String> + Send + Sync;

/// Access to environment variables and files. Cheap to clone.
#[derive(Clone)]
pub struct Sources {
    variable: Arc<ReadVariable>,
    file: Arc<ReadFile>,
}

impl Sources {
    /// The environment and the files of this process. Relative paths start at its working directory.
    pub fn system() -> Self {
        #[expect(clippy::disallowed_methods, reason = "this is the one place that reads the environment")]
        Self::new(|name| std::env::var(name).ok(), |path| std::fs::read_to_string(path))
    }

    /// Sources of one's own, for tests and for configurations made by the program itself.
    pub fn new(
        variable: impl Fn(&str) -> Option<String> + Send + Sync + 'static,
        file: impl Fn(&Path) -> io::Result<String> + Send + Sync + 'static,
    ) -> Self {
        Self { variable: Arc::new(variable), file: Arc::new(file) }
    }

    pub(super) fn read_file(&self, path: &Path) -> io::Result<String> {
        (self.file)(path)
    }

    /// Puts in what `${NAME}` and `${file:/path}` stand for; `$${` becomes `${`. What comes in that
    /// way is not looked through again.
    pub(super) fn resolve(&self, template: &str) -> Result<String, Vec<Unresolved>> {
        let (mut resolved, mut failures) = (String::with_capacity(template.len()), Vec::new());
        let mut rest = template;
        while let Some(at) = rest.find("${") {
            let (before, reference) = (&rest[..at], &rest[at + 2..]);
            if let Some(before) = before.strip_suffix('$') {
                resolved.extend([before, "${"]);
                rest = reference;
                continue;
            }
            resolved.push_str(before);
            let Some((name, after)) = reference.split_once('}') else {
                failures.push(Unresolved::Malformed);
                rest = "";
                break;
            };
            match self.look_up(name) {
                Ok(value) => resolved.push_str(&value),
                Err(failure) => failures.push(failure),
            }
            rest = after;
        }
        resolved.push_str(rest);
        if failures.is_empty() { Ok(resolved) } else { Err(failures) }
    }

    fn look_up(&self, name: &str) -> Result<String, Unresolved> {
        if let Some(path) = name.strip_prefix("file:") {
            let mut content = self
                .read_file(Path::new(path))
                .map_err(|source| Unresolved::File { path: path.to_owned(), source })?;
            if content.ends_with('\n') {
                content.truncate(content.len() - if content.ends_with("\r\n") { 2 } else { 1 });
            }
            return Ok(content);
        }
        if !is_variable_name(name) {
            return Err(Unresolved::Malformed);
        }
        (self.variable)(name).ok_or_else(|| Unresolved::Variable { name: name.to_owned() })
    }
}

impl fmt::Debug for Sources {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Sources(…)")
    }
}

fn is_variable_name(name: &str) -> bool {
    !name.starts_with(|c: char| c.is_ascii_digit())
        && !name.is_empty()
        && name.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'_')
}

/// Why a reference in a text cannot be replaced by what it stands for. Repeats nothing but the
/// name of a variable or file.
#[derive(Debug, thiserror::Error)]
pub(super) enum Unresolved {
    #[error("the environment variable {name} is not set")]
    Variable { name: String },
    #[error("cannot read the file {path}: {source}")]
    File { path: String, source: io::Error },
    #[error("has a \"${{\" that begins neither ${{NAME}} nor ${{file:/path}}")]
    Malformed,
}

impl Unresolved {
    fn remedy(&self) -> &'static str {
        match self {
            Self::Variable { .. } => "set it where the gateway is started",
            Self::File { source, .. } if source.kind() == ErrorKind::InvalidData => {
                "put a text into it, in UTF-8"
            }
            Self::File { .. } => "create it, or let this process read it",
            Self::Malformed => "write \"$${\" where you mean a plain \"${\"",
        }
    }
}

impl From<Unresolved> for Fault {
    fn from(failure: Unresolved) -> Self {
        Self::new(failure.to_string(), failure.remedy())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn resolve(template: &str) -> Result<String, Vec<String>> {
        let sources = Sources::new(
            |name| (name == "DB_PASSWORD").then(|| "pa${ss".to_owned()),
            |path| match path.to_str() {
                Some("/run/secrets/x") => Ok("from-file\n\n".to_owned()),
                Some("/dos") => Ok("dos\r\n".to_owned()),
                _ => Err(io::ErrorKind::NotFound.into()),
            },
        );
        let told = |failures: Vec<Unresolved>| failures.iter().map(ToString::to_string).collect();
        sources.resolve(template).map_err(told)
    }

    #[test]
    fn references_are_replaced_once() {
        for (template, expected) in [
            ("plain $ } {x} $5", "plain $ } {x} $5"),
            ("a:${DB_PASSWORD}@b", "a:pa${ss@b"),
            ("${DB_PASSWORD}${DB_PASSWORD}", "pa${sspa${ss"),
            ("$${DB_PASSWORD} $$x", "${DB_PASSWORD} $$x"),
            ("<${file:/run/secrets/x}>", "<from-file\n>"),
            ("<${file:/dos}>", "<dos>"),
        ] {
            assert_eq!(resolve(template).as_deref(), Ok(expected), "{template}");
        }
    }

    #[test]
    fn every_reference_that_leads_nowhere_is_told() {
        let malformed = "has a \"${\" that begins neither ${NAME} nor ${file:/path}";
        for (template, expected) in [
            (
                "${A} ${B}",
                &["the environment variable A is not set", "the environment variable B is not set"][..],
            ),
            ("${file:/none}", &["cannot read the file /none: entity not found"]),
            ("${DB_PASSWORD", &[malformed]),
            ("${}", &[malformed]),
            ("${DB PASSWORD}", &[malformed]),
            ("${1A}", &[malformed]),
        ] {
            assert_eq!(
                resolve(template),
                Err(expected.iter().map(|&s| s.to_owned()).collect()),
                "{template}"
            );
        }
    }
}
