//! Stepping through a review: which key does what, without a terminal.

use std::collections::BTreeMap;

use crate::adoption::queue::Choice;
use crate::report::review_text::Step;

/// What a person typed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Typed {
    Choose(Choice),
    /// For all of this kind that are left.
    ChooseAll(Choice),
    Skip,
    Back,
    Undo,
    Help,
    Quit,
    Unknown,
}

impl Typed {
    pub(super) fn read(text: &str) -> Self {
        let choice = |key: &str| match key {
            "k" | "keep" => Some(Choice::Keep),
            "d" | "drop" => Some(Choice::Drop),
            "r" | "restore" => Some(Choice::Restore),
            _ => None,
        };
        let text = text.trim().to_ascii_lowercase();
        if let Some(choice) = choice(&text) {
            return Self::Choose(choice);
        }
        if let Some(choice) = text.strip_prefix('a').and_then(|rest| choice(rest.trim())) {
            return Self::ChooseAll(choice);
        }
        match text.as_str() {
            "s" | "skip" | "" => Self::Skip,
            "b" | "back" => Self::Back,
            "u" | "undo" => Self::Undo,
            "?" | "h" | "help" => Self::Help,
            "q" | "quit" => Self::Quit,
            _ => Self::Unknown,
        }
    }
}

/// Where a person is in a review, and what they decided.
#[derive(Debug, Clone, Default)]
pub(super) struct Stepper {
    pub(super) at: usize,
    pub(super) decisions: BTreeMap<usize, Choice>,
    past: Vec<(usize, BTreeMap<usize, Choice>)>,
}

impl Stepper {
    pub(super) fn new(decisions: BTreeMap<usize, Choice>) -> Self {
        Self { decisions, ..Self::default() }
    }

    /// Decides, and goes to the next statement. Says no, changing nothing, where that cannot be chosen.
    pub(super) fn choose(&mut self, choice: Choice, steps: &[Step]) -> bool {
        if !steps.get(self.at).is_some_and(|step| step.choices.contains(&choice)) {
            return false;
        }
        self.past.push((self.at, self.decisions.clone()));
        self.decisions.insert(self.at, choice);
        self.at += 1;
        true
    }

    /// Decides so for this statement and all later ones of its kind that are not decided.
    pub(super) fn choose_all(&mut self, choice: Choice, steps: &[Step]) -> bool {
        let Some(kind) = steps.get(self.at).map(|step| step.kind) else { return false };
        let open = |at: &usize| {
            let is_this = *at == self.at || !self.decisions.contains_key(at);
            steps[*at].kind == kind && is_this && steps[*at].choices.contains(&choice)
        };
        let chosen: Vec<usize> = (self.at..steps.len()).filter(open).collect();
        if chosen.is_empty() {
            return false;
        }
        self.past.push((self.at, self.decisions.clone()));
        self.decisions.extend(chosen.into_iter().map(|at| (at, choice)));
        while self.at < steps.len() && steps[self.at].kind == kind && self.decisions.contains_key(&self.at) {
            self.at += 1;
        }
        true
    }

    pub(super) fn skip(&mut self) {
        self.at += 1;
    }

    pub(super) fn back(&mut self) -> bool {
        let can = self.at > 0;
        self.at = self.at.saturating_sub(1);
        can
    }

    /// Takes the last decision back, and goes to where it was made.
    pub(super) fn undo(&mut self) -> bool {
        let Some((at, decisions)) = self.past.pop() else { return false };
        (self.at, self.decisions) = (at, decisions);
        true
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::adoption::queue::Kind;
    use crate::memory::{ContentHash, MemoryPath};
    use crate::report::fates::Quoted;

    fn steps(kinds: &[Kind]) -> Vec<Step> {
        let statement = Quoted {
            path: MemoryPath::parse("/a").unwrap(),
            line: 1,
            hash: ContentHash::of("a"),
            headings: Vec::new(),
            text: "a".to_owned(),
        };
        let step = |&kind: &Kind| Step {
            kind,
            statement: statement.clone(),
            heirs: Vec::new(),
            because: String::new(),
            said: None,
            objections: Vec::new(),
            choices: match kind {
                Kind::New => vec![Choice::Keep, Choice::Drop],
                _ => vec![Choice::Keep, Choice::Restore],
            },
        };
        kinds.iter().map(step).collect()
    }

    #[test]
    fn keys_read_as_they_are_told() {
        let table = [
            ("k", Typed::Choose(Choice::Keep)),
            (" R \n", Typed::Choose(Choice::Restore)),
            ("ad", Typed::ChooseAll(Choice::Drop)),
            ("a r", Typed::ChooseAll(Choice::Restore)),
            ("", Typed::Skip),
            ("?", Typed::Help),
            ("q", Typed::Quit),
            ("a", Typed::Unknown),
            ("zap", Typed::Unknown),
        ];
        for (text, typed) in table {
            assert_eq!(Typed::read(text), typed, "{text:?}");
        }
    }

    #[test]
    fn what_is_decided_can_be_undone_and_what_cannot_be_chosen_is_not() {
        let steps = steps(&[Kind::Lost, Kind::Lost, Kind::New]);
        let mut stepper = Stepper::default();
        assert!(!stepper.choose(Choice::Drop, &steps), "there is nothing to drop");
        assert!(stepper.choose(Choice::Restore, &steps));
        assert!(stepper.choose(Choice::Keep, &steps));
        assert!(!stepper.choose(Choice::Restore, &steps), "what is new cannot be restored");
        assert!(stepper.undo());
        assert_eq!((stepper.at, &stepper.decisions), (1, &BTreeMap::from([(0, Choice::Restore)])));
        assert!(stepper.undo() && !stepper.undo());
        assert!(stepper.decisions.is_empty());
        assert!(!stepper.back());
    }

    #[test]
    fn all_of_a_kind_are_those_that_are_left() {
        let steps = steps(&[Kind::Lost, Kind::Lost, Kind::Lost, Kind::New]);
        let mut stepper = Stepper::new(BTreeMap::from([(1, Choice::Keep)]));
        assert!(stepper.choose_all(Choice::Restore, &steps));
        let expected = BTreeMap::from([(0, Choice::Restore), (1, Choice::Keep), (2, Choice::Restore)]);
        assert_eq!((stepper.at, &stepper.decisions), (3, &expected));
        assert!(stepper.undo());
        assert_eq!(stepper.decisions.len(), 1);
    }
}
