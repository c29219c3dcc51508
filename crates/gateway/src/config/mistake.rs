//! What can be wrong with a configuration, and how it is said.

use std::{
    fmt,
    io::{self, ErrorKind},
};

/// What is wrong with one value, before it is known where that value stands.
///
/// Neither text may repeat the value: it may come from an environment variable or be a secret.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Fault {
    /// What is wrong, as it follows a path: `is not an address`.
    pub problem: String,
    /// What to do about it: `write it as "127.0.0.1:8080"`.
    pub remedy: String,
}

impl Fault {
    /// A problem and what to do about it.
    pub fn new(problem: impl Into<String>, remedy: impl Into<String>) -> Self {
        Self { problem: problem.into(), remedy: remedy.into() }
    }
}

/// A value that cannot be used. What is wrong with it has been recorded already, so there is
/// nothing left to do but to pass this on. Comes from a [`Section`](super::Section) only.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Invalid(pub(super) ());

/// One thing that is wrong with a configuration. Holds no secret.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Mistake {
    /// The file, as it was named to us.
    pub file: String,
    /// The line, counted from 1. `None` where the whole file is meant.
    pub line: Option<usize>,
    /// The column in characters, counted from 1, where the text is not TOML.
    pub column: Option<usize>,
    /// The path to the value, as `channel[1].token` (counted from 0). Empty where the text is not
    /// TOML or cannot be read.
    pub path: String,
    /// What is wrong.
    pub problem: String,
    /// What to do about it.
    pub remedy: String,
}

impl fmt::Display for Mistake {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.file)?;
        for number in [self.line, self.column].into_iter().flatten() {
            write!(f, ":{number}")?;
        }
        if !self.path.is_empty() {
            write!(f, ": {}", self.path)?;
        }
        write!(f, ": {}; {}", self.problem, self.remedy)
    }
}

/// Everything that is wrong with a configuration: at least one mistake, in the order of the file.
/// Displayed with one line for each.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Mistakes(Vec<Mistake>);

impl Mistakes {
    pub(super) fn new(mut mistakes: Vec<Mistake>) -> Self {
        mistakes.sort_by(|a, b| (a.line, &a.path).cmp(&(b.line, &b.path)));
        Self(mistakes)
    }

    pub(super) fn unreadable(file: &str, error: &io::Error) -> Self {
        Self(vec![Mistake {
            file: file.to_owned(),
            line: None,
            column: None,
            path: String::new(),
            problem: format!("cannot be read: {error}"),
            remedy: match error.kind() {
                ErrorKind::InvalidData => "save it as UTF-8".to_owned(),
                ErrorKind::PermissionDenied => "let this process read it".to_owned(),
                _ => "name the configuration file with --config".to_owned(),
            },
        }])
    }

    /// The mistakes, in the order of the file.
    pub fn iter(&self) -> impl Iterator<Item = &Mistake> {
        self.0.iter()
    }
}

impl fmt::Display for Mistakes {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (index, mistake) in self.0.iter().enumerate() {
            if index > 0 {
                f.write_str("\n")?;
            }
            mistake.fmt(f)?;
        }
        Ok(())
    }
}

impl std::error::Error for Mistakes {}
