//! Makes the page's script and styles small, so that they can be written to be read.
//!
//! This is no general tool. It knows what the files in `page` use of their languages, and leaves
//! as it is whatever it is not sure of:
//!
//! - A comment is a line of its own. Strings, regular expressions and templates stay on a line.
//! - Every statement ends with a semicolon or a brace.
//! - A name is made shorter everywhere or nowhere. What is anywhere the name of a property or a
//!   method stays as it is, since the browser or the server may know it by that name; and so does
//!   what is not declared here, since it is the browser's.

use std::collections::{HashMap, HashSet};

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Kind {
    Word,
    /// A string, a regular expression, or a part of a template between its expressions.
    Literal,
    Punctuation,
    /// The end of a line, which separates nothing that is not separated otherwise.
    End,
}

#[derive(Clone, Copy, Debug)]
struct Token<'s> {
    kind: Kind,
    text: &'s str,
}

impl Token<'_> {
    fn is(&self, texts: &[&str]) -> bool {
        self.kind != Kind::Literal && texts.contains(&self.text)
    }
}

/// A script without comments, without space that is not needed, and with short names.
pub(crate) fn script(source: &str) -> String {
    let tokens = tokens(source);
    let statements = statements(&tokens);
    let names = short_names(&statements);
    let mut packed = String::with_capacity(source.len());
    for (statement, names) in statements.iter().zip(&names) {
        for token in *statement {
            let name = names.get(token.text).filter(|_| token.kind == Kind::Word);
            let text = name.map_or(token.text, String::as_str);
            // One word for both packs better, and nothing is assigned that must not be.
            let text = if text == "const" { "let" } else { text };
            match token.kind {
                Kind::End => continue,
                // Neither the last statement nor the last element needs what would part it from a next.
                Kind::Punctuation if text == "}" && packed.ends_with([';', ',']) => {
                    packed.pop();
                }
                Kind::Punctuation if [")", "]"].contains(&text) && packed.ends_with(',') => {
                    packed.pop();
                }
                Kind::Word if packed.ends_with(is_word) => packed.push(' '),
                // `a - -b` is not `a--b`.
                Kind::Punctuation if packed.ends_with(['+', '-']) && packed.ends_with(&text[..1]) => {
                    packed.push(' ');
                }
                _ => {}
            }
            packed.push_str(text);
        }
    }
    packed
}

/// Styles without comments and without space that is not needed.
pub(crate) fn styles(source: &str) -> String {
    let lines = source.lines().map(str::trim).filter(|line| !line.starts_with("/*"));
    let mut packed: String = lines.collect();
    for (long, short) in [
        ("; ", ";"),
        (" {", "{"),
        ("{ ", "{"),
        (": ", ":"),
        (", ", ","),
        (" > ", ">"),
        (" }", "}"),
        (";}", "}"),
    ] {
        packed = packed.replace(long, short);
    }
    packed
}

/// Styles and the script that sets their own variables, with short names for these (`--own`).
pub(crate) fn variables(mut styles: String, mut script: String) -> (String, String) {
    let names = styles.match_indices("--").map(|(at, _)| &styles[at..]);
    let is_name = |c: char| c == '-' || c.is_ascii_lowercase();
    let names = names.map(|rest| rest[..rest.find(|c| !is_name(c)).unwrap_or(rest.len())].to_owned());
    let mut names: Vec<_> = names.collect();
    // The longest first: it may begin like another.
    names.sort_by(|one, other| other.len().cmp(&one.len()).then(one.cmp(other)));
    names.dedup();
    for (name, letter) in names.into_iter().zip('a'..='z') {
        let short = format!("--{letter}");
        styles = styles.replace(&name, &short);
        script = script.replace(&format!("\"{name}\""), &format!("\"{short}\""));
    }
    (styles, script)
}

fn is_word(c: char) -> bool {
    c.is_alphanumeric() || "_$".contains(c)
}

fn tokens(source: &str) -> Vec<Token<'_>> {
    let mut tokens: Vec<Token<'_>> = Vec::new();
    // For each template that an expression is open in: how many braces are open in that.
    let mut templates: Vec<usize> = Vec::new();
    let lines = source.lines().map(str::trim).filter(|line| !line.is_empty() && !line.starts_with("//"));
    for line in lines {
        let mut rest = line;
        while let Some(first) = rest.chars().next() {
            let ends_expression = first == '}' && templates.last() == Some(&0);
            let (kind, length) = match first {
                ' ' => {
                    rest = rest.trim_start();
                    continue;
                }
                _ if is_word(first) => (Kind::Word, rest.find(|c| !is_word(c)).unwrap_or(rest.len())),
                '"' => (Kind::Literal, end_of_literal(rest, &["\""])),
                '`' => (Kind::Literal, end_of_literal(rest, &["`", "${"])),
                _ if ends_expression => (Kind::Literal, end_of_literal(rest, &["`", "${"])),
                '/' if begins_value(tokens.last()) => (Kind::Literal, end_of_literal(rest, &["/"])),
                _ => (Kind::Punctuation, length_of_punctuation(rest)),
            };
            let (text, after) = rest.split_at(length);
            if ends_expression {
                templates.pop();
            }
            match (kind, text) {
                (Kind::Literal, text) if text.starts_with(['`', '}']) && text.ends_with("${") => {
                    templates.push(0);
                }
                (Kind::Punctuation, "{" | "}") => {
                    if let Some(open) = templates.last_mut() {
                        *open = if text == "{" { *open + 1 } else { *open - 1 };
                    }
                }
                _ => {}
            }
            tokens.push(Token { kind, text });
            rest = after;
        }
        tokens.push(Token { kind: Kind::End, text: "\n" });
    }
    tokens
}

/// Where the literal that begins here ends: behind the first of `ends` that is not escaped.
fn end_of_literal(text: &str, ends: &[&str]) -> usize {
    // In a regular expression, a slash within brackets is none.
    let (mut escaped, mut brackets) = (false, false);
    for (at, c) in text.char_indices().skip(1) {
        match c {
            _ if escaped => escaped = false,
            '\\' => escaped = true,
            '[' if text.starts_with('/') => brackets = true,
            ']' => brackets = false,
            _ if brackets => {}
            _ => {
                if let Some(end) = ends.iter().find(|&&end| text[at..].starts_with(end)) {
                    return at + end.len();
                }
            }
        }
    }
    panic!("a literal goes over the end of its line: {text}");
}

/// Whether a slash after this token begins a regular expression, and does not divide.
fn begins_value(before: Option<&Token<'_>>) -> bool {
    before.is_none_or(|token| {
        matches!(token.kind, Kind::Punctuation | Kind::End) && !token.is(&[")", "]", "}"])
            || token.is(&["return"])
    })
}

fn length_of_punctuation(text: &str) -> usize {
    let longer = ["...", "=>", "?.", "++", "--"].into_iter().find(|it| text.starts_with(it));
    longer.map_or_else(|| text.chars().next().map_or(0, char::len_utf8), str::len)
}

/// The statements that stand in nothing else.
fn statements<'t, 's>(tokens: &'t [Token<'s>]) -> Vec<&'t [Token<'s>]> {
    let mut depth = 0_usize;
    tokens
        .split_inclusive(|token| {
            if token.is(&["(", "[", "{"]) {
                depth += 1;
            } else if token.is(&[")", "]", "}"]) {
                depth = depth.saturating_sub(1);
            }
            depth == 0 && token.kind == Kind::End
        })
        .collect()
}

/// What each name becomes, in each statement. What is declared within a statement is known there
/// and nowhere else, so all of them can use the same few names for that.
fn short_names<'s>(statements: &[&[Token<'s>]]) -> Vec<HashMap<&'s str, String>> {
    let without_ends = |statement: &&[Token<'s>]| -> Vec<_> {
        statement.iter().copied().filter(|token| token.kind != Kind::End).collect()
    };
    let statements: Vec<_> = statements.iter().map(without_ends).collect();
    let everything = statements.concat();
    let taken: HashSet<_> =
        everything.iter().map(|token| token.text).chain(["as", "do", "if", "in", "of"]).collect();
    let letters = || ('a'..='z').chain('A'..='Z').map(String::from);
    let free: Vec<_> = letters()
        .chain(letters().flat_map(|first| letters().map(move |second| format!("{first}{second}"))))
        .filter(|name| !taken.contains(name.as_str()))
        .collect();

    let outer = statements.iter().flat_map(|statement| declared(statement, true));
    let outer = most_frequent_first(outer.collect(), &everything);
    let outer_properties = properties(&everything);
    let inner: Vec<Vec<&str>> = statements
        .iter()
        .map(|statement| {
            let properties = properties(statement);
            let names = declared(statement, false).into_iter();
            names.filter(|name| !outer.contains(name) && !properties.contains(name)).collect()
        })
        .collect();
    let reserved = inner.iter().map(Vec::len).max().unwrap_or(0);
    let outer = outer.into_iter().filter(|name| !outer_properties.contains(name));
    let outer: HashMap<_, _> = outer.zip(free[reserved..].iter().cloned()).collect();
    let with_inner = |names: Vec<&'s str>| {
        let mut all = outer.clone();
        all.extend(names.into_iter().zip(free.iter().cloned()));
        all
    };
    inner.into_iter().map(with_inner).collect()
}

fn most_frequent_first<'s>(mut names: Vec<&'s str>, tokens: &[Token<'s>]) -> Vec<&'s str> {
    let count =
        |name: &str| tokens.iter().filter(|token| token.kind == Kind::Word && token.text == name).count();
    names.sort_by_cached_key(|name| std::cmp::Reverse(count(name)));
    names
}

/// The names that are declared by a word before them, or as a parameter, once each and in order:
/// those of the statement itself, or those within it.
fn declared<'s>(statement: &[Token<'s>], outer: bool) -> Vec<&'s str> {
    let mut names = Vec::new();
    let mut depth = 0_usize;
    for (at, token) in statement.iter().enumerate() {
        let before = at.checked_sub(1).map(|at| &statement[at]);
        let next = statement.get(at + 1);
        if token.is(&["(", "[", "{"]) {
            depth += 1;
        } else if token.is(&[")", "]", "}"]) {
            depth = depth.saturating_sub(1);
        }
        if token.is(&["const", "let", "function"]) && (depth == 0) == outer {
            match next {
                Some(name) if name.kind == Kind::Word => names.push(name.text),
                Some(open) if open.is(&["["]) => parameters(statement, at + 1, &mut names),
                _ => {}
            }
        }
        if !outer && (token.is(&["catch"]) || before.is_some_and(|it| it.is(&["function"]))) {
            parameters(statement, at + 1, &mut names);
        }
        if !outer && token.is(&["=>"]) {
            match before {
                Some(name) if name.kind == Kind::Word => names.push(name.text),
                _ => parameters(statement, opening(statement, at - 1), &mut names),
            }
        }
    }
    let mut seen = HashSet::new();
    names.retain(|name| seen.insert(*name));
    names
}

/// The names in the list that is opened here, but not what they are set to.
fn parameters<'s>(code: &[Token<'s>], open: usize, names: &mut Vec<&'s str>) {
    let mut depth = 0_usize;
    for (at, token) in code.iter().enumerate().skip(open) {
        if token.is(&["(", "[", "{"]) {
            depth += 1;
        } else if token.is(&[")", "]", "}"]) {
            depth = depth.saturating_sub(1);
        } else if token.kind == Kind::Word && depth == 1 && code[at - 1].is(&["(", "[", ",", "..."]) {
            names.push(token.text);
        }
        if depth == 0 {
            return;
        }
    }
}

/// Where the bracket that is closed here was opened.
fn opening(code: &[Token<'_>], close: usize) -> usize {
    let mut depth = 0_usize;
    for (at, token) in code.iter().enumerate().take(close + 1).rev() {
        if token.is(&[")", "]", "}"]) {
            depth += 1;
        } else if token.is(&["(", "[", "{"]) {
            depth = depth.saturating_sub(1);
        }
        if depth == 0 {
            return at;
        }
    }
    0
}

/// The names of properties and methods: behind a dot, or directly in an object or its pattern.
fn properties<'s>(code: &[Token<'s>]) -> HashSet<&'s str> {
    const BEFORE_OBJECT: [&str; 14] =
        ["=", "(", ",", ":", "[", "?", "|", "&", "...", "return", "const", "let", "throw", "of"];
    let mut names = HashSet::new();
    // For each open bracket, whether it is that of an object.
    let mut open: Vec<bool> = Vec::new();
    let mut before: Option<&Token<'_>> = None;
    for token in code {
        let in_object = open.last() == Some(&true) && before.is_some_and(|it| it.is(&["{", ",", "async"]));
        if token.is(&["(", "[", "{"]) {
            open.push(token.is(&["{"]) && before.is_some_and(|it| it.is(&BEFORE_OBJECT)));
        } else if token.is(&[")", "]", "}"]) {
            open.pop();
        } else if token.kind == Kind::Word && (in_object || before.is_some_and(|it| it.is(&[".", "?."]))) {
            names.insert(token.text);
        }
        before = Some(token);
    }
    names
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_shortened_everywhere_or_nowhere() {
        let cases = [
            ("const first = 1;\nuse(first, first);", "let a=1;use(a,a);"),
            ("function add(left, right = 1) {\n  return left + right;\n}", "function c(a,b=1){return a+b}"),
            ("const size = box.size;", "let size=box.size;"),
            ("const { kind } = box;\nuse({ kind });", "let{kind}=box;use({kind});"),
            ("const name = 1;\nuse({ name: 2 });", "let name=1;use({name:2});"),
            ("let on = () => { stop(); };\nfunction stop() {}", "let b=()=>{a()};function a(){}"),
            (
                "list.map(([key, it]) => `${key} of ${ { it } } it`);",
                "list.map(([key,it])=>`${key} of ${{it}} it`);",
            ),
            ("use((item) => item ? wrap(item) : item);", "use((a)=>a?wrap(a):a);"),
        ];
        for (source, expected) in cases {
            assert_eq!(script(source), expected, "{source}");
        }
    }

    #[test]
    fn what_is_in_literals_stays() {
        let cases = [
            (r#"const text = "a  \" text // b";"#, r#"let a="a  \" text // b";"#),
            (r"const end = /[/ ]\/ end/g;", r"let a=/[/ ]\/ end/g;"),
            ("const half = whole / 2 / 1;", "let a=whole/2/1;"),
            (
                "const word = `word ${word ? `in ${word}` : word} word`;",
                "let a=`word ${a?`in ${a}`:a} word`;",
            ),
            ("// const gone = 1;\n\n  use(a - -b);", "use(a- -b);"),
        ];
        for (source, expected) in cases {
            assert_eq!(script(source), expected, "{source}");
        }
    }

    #[test]
    fn variables_are_shortened_in_both() {
        let styles = ".a{--on:red;--on-human:blue;color:var(--on);top:var(--top,0)}".to_owned();
        let script = r#"set("--on",1);set("--top",n--on);"#.to_owned();
        let (styles, script) = variables(styles, script);
        assert_eq!(styles, ".a{--c:red;--a:blue;color:var(--c);top:var(--b,0)}");
        assert_eq!(script, r#"set("--c",1);set("--b",n--on);"#);
    }

    #[test]
    fn styles_lose_comments_and_space() {
        let source = "/* A. */\n.a :is(p, b) { top: calc(1px - 2px); left: 0; }\n\n@media (x) {\n  .b { top: 0; }\n}\n";
        assert_eq!(styles(source), ".a :is(p,b){top:calc(1px - 2px);left:0}@media (x){.b{top:0}}");
    }
}
