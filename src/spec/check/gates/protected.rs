//! `gates.protected`: paths that no dream may touch, and statements that have to stay.

use crate::memory::{ContentHash, MemoryPath};
use crate::spec::authored::{AuthoredPin, AuthoredProtected};
use crate::spec::checker::Checker;
use crate::spec::codes::Code;
use crate::spec::pipeline::{GateSpec, Level, Pin};
use crate::spec::quantity::Wrong;
use crate::spec::route::Route;
use crate::text::normal::normal;
use crate::text::statement::{Kind, statements};

use super::globs;

/// Checks `protected`.
pub(super) fn protected(
    authored: AuthoredProtected,
    route: &Route<'_>,
    checker: &mut Checker<'_>,
) -> GateSpec {
    if !checker.has(&route.key("paths")) && !checker.has(&route.key("statements")) {
        let label = "this names neither `paths` nor `statements`, so it protects nothing";
        let problem = checker.at_key(Code::MissingKey, route, label);
        checker.tell(problem.help("set one of them, such as `paths: [\"/policy/**\"]`"));
    }
    let paths = globs(authored.paths, &route.key("paths"), checker);
    let list = route.key("statements");
    let mut pins = Vec::new();
    for (i, typed) in authored.statements.unwrap_or_default().into_iter().enumerate() {
        pins.extend(pin(&typed, &list.index(i), checker));
    }
    let on_change = authored.on_change.unwrap_or(Level::Block);
    GateSpec::Protected { paths, statements: pins, on_change }
}

/// Reads one pin: the text stays in the file, and only its hash goes on.
fn pin(authored: &AuthoredPin, route: &Route<'_>, checker: &mut Checker<'_>) -> Option<Pin> {
    let text_route = route.key("text");
    let place = if checker.has(&text_route) { &text_route } else { route };
    let text = checker.take(Code::PinnedStatement, place, only_statement(&authored.text));
    let path = match &authored.path {
        None => None,
        Some(path) => {
            let parsed = MemoryPath::parse(path).map_err(|error| Wrong::new(error.to_string()));
            Some(checker.take(Code::InvalidPath, &route.key("path"), parsed)?)
        }
    };
    let span = checker.find(&place.steps()).value_span();
    let line = checker.file().place(span).line as u64;
    let file = checker.file().path().to_owned();
    Some(Pin { hash: ContentHash::of(normal(text?)), path, file, line })
}

/// Returns the text of the one statement that a pin is. Sentences may stand together, as they do in a
/// list item.
fn only_statement(text: &str) -> Result<&str, Wrong> {
    let found = statements(text);
    match found.as_slice() {
        [] => Err(Wrong::new("this holds no statement").help("give the words of a line or a sentence")),
        [only] if normal(only.text).is_empty() => Err(Wrong::new("this holds no words")),
        [only] => Ok(only.text),
        several if several.iter().all(|statement| statement.kind == Kind::Sentence) => Ok(text.trim()),
        several => {
            Err(Wrong::new(format!("these are {} statements", several.len()))
                .help("pin each of them on its own"))
        }
    }
}
