//! Whether a statement still says that it is so: not struck out, ticked off or turned into a question, and not
//! put below words that take it back.

use std::sync::LazyLock;

use regex::Regex;

use crate::ledger::Located;
use crate::ledger::force;
use crate::text::statement::Kind;

/// What headings say of statements that do not hold. Under a heading of history or an archive they may be
/// true of the past, which is another thing to say.
static TAKES_BACK: LazyLock<Option<Regex>> = LazyLock::new(|| {
    Regex::new(
        r"(?ix)
        \b(?: obsolete | deprecat(?:ed|ions?) | out-?dated | out\x20of\x20date | stale | superseded | overruled
          | replaced | retracted? | retractions? | revoked | withdrawn | repealed | rescinded | void(?:ed)?
          | invalid(?:ated)? | wrong | false | falsehoods? | incorrect | untrue | mistaken(?:ly)?
           | rejected | refuted | debunked | myths? | misconceptions? | abandoned | discontinued
          | expired | lapsed | archived? | histor(?:y|ic|ical) | former(?:ly)? | past | previous(?:ly)? | legacy
          | removed | deleted | forgotten | retired | no\x20longer | no\x20more | used\x20to | anymore
          | (?:not|never|isn['’]t|aren['’]t|doesn['’]t|don['’]t)\x20(?:\w+\x20){0,2}?
            (?: true | valid | hold | holds | apply | applies | follow | use | correct | right | current | in\x20force)
          | ignore[ds]? | disregard(?:ed)? | ung[uü]ltig | veraltet | überholt | falsch | obsol[eè]tes? | p[eé]rim[eé]e?s? )\b",
    )
    .ok()
});

/// Says whether a text takes back what stands below it.
pub(super) fn takes_back(text: &str) -> bool {
    TAKES_BACK.as_ref().is_some_and(|words| words.is_match(text))
}

/// Says whether a statement that is in a store in its own words says there that it is so. `old` is what it was
/// before: what was a question or stood among old things stays what it was.
pub(super) fn still_holds(new: &Located<'_>, old: Option<&Located<'_>>) -> bool {
    let statement = &new.statement;
    let is_struck = |text: &str| text.contains("~~");
    let stands = match old {
        Some(old) => {
            !force::stands_otherwise(&old.statement, statement)
                && (old.statement.kind == Kind::Block) == (statement.kind == Kind::Block)
                && (!is_struck(statement.text) || is_struck(old.statement.text))
        }
        None => force::is_in_force(statement) && !is_struck(statement.text),
    };
    stands && above(new).all(|text| !takes_back(text) || old.is_some_and(|old| above(old).any(|o| o == text)))
}

/// Returns what a statement stands under: headings, items and the head of its table.
fn above<'a>(located: &'a Located<'_>) -> impl Iterator<Item = &'a str> {
    let statement = &located.statement;
    statement.headings.iter().chain(&statement.parents).chain(statement.heads.iter()).copied()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn headings_that_take_back_are_told_from_those_that_name() {
        for text in [
            "These no longer hold",
            "Obsolete",
            "DEPRECATED rules",
            "Wrong assumptions",
            "Rules that do not apply any more",
            "Not true anymore:",
            "Superseded in May",
            "What we used to do",
            "Archive",
            "Ignore these:",
            "Things that aren’t valid",
        ] {
            assert!(takes_back(text), "{text}");
        }
        for text in
            ["Deploy", "Rules", "Never do this", "Holidays", "Use of tools", "Current rules", "Passwords"]
        {
            assert!(!takes_back(text), "{text}");
        }
    }
}
