//! Reading the keys of one table.

use std::{fmt::Display, net::SocketAddr, ops::RangeInclusive, time::Duration};

use secrecy::SecretString;
use toml::{
    Spanned,
    de::{DeTable, DeValue},
};
use url::Url;

use super::{
    entry::{Entry, Presence, State},
    mistake::{Fault, Invalid, Mistakes},
    nearest,
    reading::{Reading, without_indexes},
    secret::{self, SecretSource},
    source::Sources,
    value::{self, Text},
};

/// A table with the value it was found in, which knows its place.
type FoundTable<'a> = (&'a Spanned<DeValue<'a>>, &'a DeTable<'a>);

/// A table of the configuration, such as one `[[channel]]`. Hands out the values of its keys and
/// remembers which it was asked for: those that nobody asked for are unknown keys, and the ones
/// that were asked for are what an unknown key is compared with.
///
/// Nothing stops at the first mistake. Read every key, then use `?`:
///
/// ```
/// use std::time::Duration;
/// use secrecy::SecretString;
/// use switchboard_gateway::config::{Invalid, Section, Sources};
///
/// struct Pager { token: SecretString, pause: Duration, lines: u32 }
///
/// fn read(section: &mut Section<'_>) -> Result<Pager, Invalid> {
///     let token = section.secret("token").required();
///     let hour = Duration::from_secs(3600);
///     let pause = section.duration("pause", Duration::ZERO..=hour).or(Duration::from_secs(1));
///     let lines = section.integer("lines", 1..=4).or(2);
///     Ok(Pager { token: token?, pause, lines })
/// }
///
/// let sources = Sources::new(|_| None, |_| Err(std::io::ErrorKind::NotFound.into()));
/// let mistakes = Section::parse("tokn = 'abc'\nlines = 9", &sources, read).err().unwrap();
/// assert_eq!(mistakes.to_string(), "\
/// configuration: token: missing; add token = \"${NAME}\"
/// configuration:1: tokn: unknown key; did you mean \"token\"?
/// configuration:2: lines: 9 is out of range; take 1 to 4");
/// ```
pub struct Section<'a> {
    reading: &'a Reading<'a>,
    /// Empty for the whole file.
    path: String,
    /// Where the table begins.
    line: Option<usize>,
    /// `None` is a table that is not there; it reads like an empty one.
    table: Option<&'a DeTable<'a>>,
    asked: Vec<&'static str>,
    /// Unread keys are not reported.
    open: bool,
}

impl Section<'_> {
    /// Reads a text as a single section, to test a function that reads one.
    pub fn parse<T>(
        text: &str,
        sources: &Sources,
        read: impl FnOnce(&mut Section<'_>) -> Result<T, Invalid>,
    ) -> Result<T, Mistakes> {
        let reading = Reading::new("configuration", text, sources);
        let value = reading.read(read);
        reading.finish(value)
    }
}

impl<'a> Section<'a> {
    /// A string, not empty.
    pub fn string(&mut self, key: &'static str) -> Entry<'_, 'a, String> {
        self.text(key, "\"…\"").then(|text| Ok(text.resolved))
    }

    /// A secret: not empty, without control characters.
    pub fn secret(&mut self, key: &'static str) -> Entry<'_, 'a, SecretString> {
        self.text(key, "\"${NAME}\"").then(|text| secret::checked(text.resolved))
    }

    /// A secret that can be read again from where it came; it can be read now.
    pub fn secret_source(&mut self, key: &'static str) -> Entry<'_, 'a, SecretSource> {
        let sources = self.reading.sources.clone();
        self.text(key, "\"${NAME}\"").then(|text| {
            let source = SecretSource::new(&text.written, sources);
            secret::checked(text.resolved).map(|_| source)
        })
    }

    /// An address of HTTP or HTTPS, without a user, a password, a query or a fragment.
    pub fn url(&mut self, key: &'static str) -> Entry<'_, 'a, Url> {
        self.text(key, "\"https://…\"").then(|text| value::http_url(&text.resolved))
    }

    /// An IP address with a port.
    pub fn address(&mut self, key: &'static str) -> Entry<'_, 'a, SocketAddr> {
        self.text(key, "\"127.0.0.1:8080\"").then(|text| value::address(&text.resolved))
    }

    /// A duration, written as a string such as `"30s"`, `"5m"` or `"1h 30m"`.
    pub fn duration(
        &mut self,
        key: &'static str,
        range: RangeInclusive<Duration>,
    ) -> Entry<'_, 'a, Duration> {
        self.text(key, "\"30s\"").then(|text| value::duration(&text, &range))
    }

    /// A whole number.
    pub fn integer<T>(&mut self, key: &'static str, range: RangeInclusive<T>) -> Entry<'_, 'a, T>
    where
        T: TryFrom<i64> + PartialOrd + Display,
    {
        self.entry(key, "10", |_, value| value::integer(value, &range).map_err(|fault| vec![fault]))
    }

    /// A number, whole or not.
    pub fn number(&mut self, key: &'static str, range: RangeInclusive<f64>) -> Entry<'_, 'a, f64> {
        self.entry(key, "0.5", |_, value| value::number(value, &range).map_err(|fault| vec![fault]))
    }

    /// `true` or `false`.
    pub fn boolean(&mut self, key: &'static str) -> Entry<'_, 'a, bool> {
        self.entry(key, "true", |_, value| value::boolean(value).map_err(|fault| vec![fault]))
    }

    /// One of several words, each with what it stands for.
    pub fn one_of<T: Clone>(&mut self, key: &'static str, choices: &[(&'static str, T)]) -> Entry<'_, 'a, T> {
        let words: Vec<_> = choices.iter().map(|&(word, _)| word).collect();
        self.text(key, nearest::any_of(&words)).then(|text| {
            let choice = choices.iter().find(|(word, _)| *word == text.resolved);
            choice.map(|(_, choice)| choice.clone()).ok_or_else(|| value::none_of(&text, &words))
        })
    }

    /// A list of strings, none of them empty.
    pub fn strings(&mut self, key: &'static str) -> Entry<'_, 'a, Vec<String>> {
        self.list(key, Ok)
    }

    /// A list of strings, each of them checked, or made into something else, by `convert`. A fault
    /// names its element.
    pub fn list<T>(
        &mut self,
        key: &'static str,
        convert: impl Fn(String) -> Result<T, Fault>,
    ) -> Entry<'_, 'a, Vec<T>> {
        self.entry(key, "[\"…\"]", |section, value| {
            let elements = value::list(value).map_err(|fault| vec![fault])?;
            let converted: Vec<_> = elements
                .iter()
                .enumerate()
                .map(|(index, element)| section.element(&format!("{key}[{index}]"), element, &convert))
                .collect();
            // What is wrong with an element has been reported with its place.
            converted.into_iter().collect::<Result<_, Invalid>>().map_err(|_| Vec::new())
        })
    }

    /// Whether there is anything under this key.
    pub fn has(&self, key: &str) -> bool {
        self.get(key).is_some()
    }

    /// Whether there is a table under this key, for a key that may also be something else.
    pub fn is_table(&self, key: &str) -> bool {
        self.get(key).is_some_and(|(_, value)| value.get_ref().is_table())
    }

    /// Whether there is a list under this key, for a key that may also be something else.
    pub fn is_list(&self, key: &str) -> bool {
        self.get(key).is_some_and(|(_, value)| value.get_ref().is_array())
    }

    /// A table within this one; `None` where it is left out, or is not a table, which has been
    /// recorded then.
    pub fn table<T>(&mut self, key: &'static str, read: impl FnOnce(&mut Section<'a>) -> T) -> Option<T> {
        let found = self.find_table(key);
        found.map(|found| self.child(self.path_to(key), Some(found)).run(read))
    }

    /// A table within this one that reads like an empty one where it is left out.
    pub fn table_or_empty<T>(&mut self, key: &'static str, read: impl FnOnce(&mut Section<'a>) -> T) -> T {
        let found = self.find_table(key);
        self.child(self.path_to(key), found).run(read)
    }

    /// Every table of a list (`[[key]]`), in the file's order. Nothing where it is left out.
    pub fn tables<T>(&mut self, key: &'static str, mut read: impl FnMut(&mut Section<'a>) -> T) -> Vec<T> {
        self.ask(key);
        let Some((_, value)) = self.get(key) else { return Vec::new() };
        let shape = format!("write [[{key}]]");
        let DeValue::Array(elements) = value.get_ref() else {
            self.report(key, value::wrong_type("a list of tables", value.get_ref(), shape));
            return Vec::new();
        };
        let mut values = Vec::with_capacity(elements.len());
        for (index, element) in elements.iter().enumerate() {
            let path = self.path_to(&format!("{key}[{index}]"));
            if let DeValue::Table(table) = element.get_ref() {
                values.push(self.child(path, Some((element, table))).run(&mut read));
            } else {
                let fault = value::wrong_type("a table", element.get_ref(), shape.clone());
                self.reading.report(path, Some(self.reading.line(&element.span())), fault);
            }
        }
        values
    }

    /// Every table within the one under this key, with its name, which `check` may refuse. Nothing
    /// where it is left out.
    pub fn named_tables<T>(
        &mut self,
        key: &'static str,
        check: impl Fn(&str) -> Result<(), Fault>,
        mut read: impl FnMut(&mut Section<'a>) -> T,
    ) -> Vec<(String, T)> {
        let Some((_, tables)) = self.find_table(key) else { return Vec::new() };
        let mut values = Vec::with_capacity(tables.len());
        for (name, value) in tables {
            let child = Section { path: self.path_to(key), ..self.child(String::new(), None) };
            let path = child.path_to(name.get_ref());
            let line = Some(self.reading.line(&name.span()));
            match (check(name.get_ref()), value.get_ref()) {
                (Err(fault), _) => self.reading.report(path, line, fault),
                (Ok(()), DeValue::Table(table)) => {
                    values.push((
                        name.get_ref().to_string(),
                        self.child(path, Some((value, table))).run(&mut read),
                    ));
                }
                (Ok(()), other) => {
                    let remedy = format!("write [{}]", without_indexes(&path));
                    self.reading.report(path, line, value::wrong_type("a table", other, remedy));
                }
            }
        }
        values
    }

    /// Every string within the table under this key, made into something else together with its name
    /// by `convert`. Nothing where it is left out.
    pub fn named_strings<T>(
        &mut self,
        key: &'static str,
        convert: impl Fn(&str, &str) -> Result<T, Fault>,
    ) -> Vec<T> {
        self.know(key, Presence::Optional);
        let Some((_, strings)) = self.find_table(key) else { return Vec::new() };
        let child = Section { path: self.path_to(key), ..self.child(String::new(), None) };
        let read = |(name, value): (&Spanned<toml::de::DeString<'a>>, &Spanned<DeValue<'a>>)| {
            let name = name.get_ref();
            // What is wrong has been reported with its place.
            child.element(name, value, |text| convert(name, &text)).ok()
        };
        strings.iter().filter_map(read).collect()
    }

    /// Records a mistake that only the reader of the section can see: keys that do not go together,
    /// for example. Must not repeat a value.
    pub fn mistake(&mut self, key: &'static str, fault: Fault) -> Invalid {
        self.report(key, fault);
        Invalid(())
    }
}

/// For the sections of this configuration only.
impl<'a> Section<'a> {
    pub(super) fn root(reading: &'a Reading<'a>, table: &'a DeTable<'a>) -> Self {
        let (path, asked) = (String::new(), Vec::new());
        Self { reading, path, line: None, table: Some(table), asked, open: false }
    }

    /// The path to this section, as `channel[1]`.
    pub(super) fn path(&self) -> &str {
        &self.path
    }

    /// A string with what is written in the file beside what it stands for.
    pub(super) fn text(&mut self, key: &'static str, sample: impl Into<String>) -> Entry<'_, 'a, Text> {
        let sample: String = sample.into();
        let remedy = format!("write it as {sample}");
        self.entry(key, sample, |section, value| value::text(value, &remedy, section.reading.sources))
    }

    /// Keys that were not asked for are no mistakes, since nobody knows which there are.
    pub(super) fn leave_open(&mut self) {
        self.open = true;
    }

    pub(super) fn report(&self, key: &str, fault: Fault) {
        let line = self.get(key).map(|(key, _)| self.reading.line(&key.span())).or(self.line);
        self.reading.report(self.path_to(key), line, fault);
    }

    pub(super) fn know(&self, key: &str, presence: Presence) {
        self.reading.know(&self.path_to(key), presence);
    }

    /// Ends the reading: what nobody asked for is unknown.
    pub(super) fn close(self) {
        let Some(table) = self.table.filter(|_| !self.open) else { return };
        for (key, _) in table {
            if !self.asked.contains(&key.get_ref().as_ref()) {
                let remedy = nearest::remedy(key.get_ref(), &self.asked);
                self.report(key.get_ref(), Fault::new("unknown key", remedy));
            }
        }
    }

    fn run<T>(mut self, read: impl FnOnce(&mut Self) -> T) -> T {
        let value = read(&mut self);
        self.close();
        value
    }

    fn child(&self, path: String, found: Option<FoundTable<'a>>) -> Self {
        let (line, table) = found.map(|(value, table)| (self.reading.line(&value.span()), table)).unzip();
        Self { reading: self.reading, path, line, table, asked: Vec::new(), open: false }
    }

    fn find_table(&mut self, key: &'static str) -> Option<FoundTable<'a>> {
        self.ask(key);
        let (_, value) = self.get(key)?;
        if let DeValue::Table(table) = value.get_ref() {
            return Some((value, table));
        }
        let remedy = format!("write [{}]", without_indexes(&self.path_to(key)));
        self.report(key, value::wrong_type("a table", value.get_ref(), remedy));
        None
    }

    /// One element of a list of strings.
    fn element<T>(
        &self,
        key: &str,
        element: &Spanned<DeValue<'a>>,
        convert: impl Fn(String) -> Result<T, Fault>,
    ) -> Result<T, Invalid> {
        let text = value::text(element.get_ref(), "write it as \"…\"", self.reading.sources);
        text.and_then(|text| convert(text.resolved).map_err(|fault| vec![fault])).map_err(|faults| {
            let line = self.reading.line(&element.span());
            for fault in faults {
                self.reading.report(self.path_to(key), Some(line), fault);
            }
            Invalid(())
        })
    }

    fn entry<T>(
        &mut self,
        key: &'static str,
        sample: impl Into<String>,
        read: impl FnOnce(&Self, &DeValue<'a>) -> Result<T, Vec<Fault>>,
    ) -> Entry<'_, 'a, T> {
        self.ask(key);
        let state = match self.get(key).map(|(_, value)| read(self, value.get_ref())) {
            None => State::Missing,
            Some(Ok(value)) => State::Valid(value),
            Some(Err(faults)) => {
                for fault in faults {
                    self.report(key, fault);
                }
                State::Invalid
            }
        };
        Entry { section: self, key, sample: sample.into(), state }
    }

    fn ask(&mut self, key: &'static str) {
        if !self.asked.contains(&key) {
            self.asked.push(key);
        }
    }

    fn get(&self, key: &str) -> Option<(&'a Spanned<toml::de::DeString<'a>>, &'a Spanned<DeValue<'a>>)> {
        self.table?.get_key_value(key)
    }

    fn path_to(&self, key: &str) -> String {
        let bare = |c: char| c.is_ascii_alphanumeric() || "_-[]".contains(c);
        let key = if key.chars().all(bare) { key.to_owned() } else { format!("{key:?}") };
        if self.path.is_empty() { key } else { format!("{}.{key}", self.path) }
    }
}
