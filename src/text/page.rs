//! Pages: a memory's text with its statements and the sections they stand in.

use std::collections::{BTreeMap, BTreeSet, HashMap, VecDeque};
use std::ops::Range;

use super::normal::normal;
use super::splice::{Piece, Splice};
use super::statement::{Kind, Statement, statements};

/// A text that is to be edited, or to be taken from.
#[derive(Debug)]
pub(super) struct Page<'a> {
    pub(super) content: &'a str,
    pub(super) statements: Vec<Statement<'a>>,
    sections: Vec<Section>,
    /// The section of each statement; none above the first heading.
    section_of: Vec<Option<usize>>,
}

#[derive(Debug)]
struct Section {
    /// The headings that lead here, in normal form, outermost first.
    trail: Vec<String>,
    level: usize,
    /// The lines of its heading.
    lines: Range<usize>,
    /// Where the next heading begins.
    body_end: usize,
    /// Where the next heading of its level or a higher one begins.
    end: usize,
    above: Option<usize>,
}

/// Statements in a row that are put in together.
#[derive(Debug, Clone)]
pub(super) struct Run {
    places: Range<usize>,
    section: Option<usize>,
}

/// Which statements of a page are those of another, in the same section.
#[derive(Debug)]
pub(super) struct Counterparts {
    of: Vec<Option<usize>>,
    /// For each statement, the nearest before it and after it in its section that has one.
    before: Vec<Option<usize>>,
    after: Vec<Option<usize>>,
}

/// Where a run goes.
#[derive(Debug, Default)]
pub(super) struct Placed {
    pub(super) splices: Vec<Splice>,
    pub(super) section: Option<usize>,
}

impl<'a> Page<'a> {
    pub(super) fn read(content: &'a str) -> Self {
        let statements = statements(content);
        let sections = sections(content, &statements);
        let mut at = 0;
        let section_of = statements
            .iter()
            .map(|statement| {
                while sections.get(at).is_some_and(|next| next.lines.start < statement.span.start) {
                    at += 1;
                }
                at.checked_sub(1)
            })
            .collect();
        Self { content, statements, sections, section_of }
    }

    pub(super) fn newline(&self) -> &'static str {
        if self.content.contains("\r\n") { "\r\n" } else { "\n" }
    }

    pub(super) fn section_of(&self, place: usize) -> Option<usize> {
        self.section_of[place]
    }

    pub(super) fn begins_line(&self, statement: &Statement<'_>) -> bool {
        let start = statement.span.start;
        start == 0 || self.content.as_bytes()[start - 1] == b'\n'
    }

    pub(super) fn ends_line(&self, statement: &Statement<'_>) -> bool {
        let end = statement.span.end;
        end == self.content.len() || end > 0 && self.content.as_bytes()[end - 1] == b'\n'
    }

    /// Returns how far a statement is indented.
    pub(super) fn column(&self, place: usize) -> usize {
        let text = self.statements[place].text_span.start;
        let start = self.content[..text].rfind('\n').map_or(0, |newline| newline + 1);
        self.content[start..text].bytes().take_while(|&b| b == b' ' || b == b'\t').count()
    }

    /// Says whether a blank line stands between two statements in a row.
    pub(super) fn is_parted(&self, a: usize, b: usize) -> bool {
        let gap = &self.content[self.statements[a].text_span.end..self.statements[b].text_span.start];
        gap.bytes().filter(|&b| b == b'\n').count() > 1
    }

    pub(super) fn starting_at(&self, at: usize) -> Option<&Statement<'a>> {
        let place = self.statements.partition_point(|statement| statement.span.start < at);
        self.statements.get(place).filter(|statement| statement.span.start == at)
    }

    /// Returns what stands right above a place, if that is a statement that stays.
    pub(super) fn kind_above(&self, at: usize, cut: &BTreeSet<usize>) -> Option<Kind> {
        let end = self.statements.partition_point(|statement| statement.span.end <= at);
        let place = (0..end).rev().find(|place| !cut.contains(place))?;
        let between = &self.content[self.statements[place].span.end..at];
        let has_other_text = (place + 1..end).fold(between.trim().len(), |left, cut| {
            left.saturating_sub(self.content[self.statements[cut].span.clone()].trim().len())
        });
        (has_other_text == 0).then(|| self.statements[place].kind)
    }

    pub(super) fn with_sections_above(&self, section: usize) -> impl Iterator<Item = usize> {
        std::iter::successors(Some(section), |&at| self.sections[at].above)
    }

    /// Finds the statements of another page among those of this one that are kept.
    pub(super) fn counterparts(&self, origin: &Page<'_>, is_kept: &dyn Fn(usize) -> bool) -> Counterparts {
        let no_trail: &[String] = &[];
        let trail = |page: &Page<'_>, place: usize| -> String {
            page.section_of[place].map_or(no_trail, |at| &page.sections[at].trail).join("\n")
        };
        let mut known: HashMap<(String, String), VecDeque<usize>> = HashMap::new();
        for place in (0..self.statements.len()).filter(|&place| is_kept(place)) {
            let key = (trail(self, place), normal(self.statements[place].text));
            known.entry(key).or_default().push_back(place);
        }
        let of: Vec<Option<usize>> = (0..origin.statements.len())
            .map(|place| {
                let key = (trail(origin, place), normal(origin.statements[place].text));
                known.get_mut(&key)?.pop_front()
            })
            .collect();
        let near = |places: &mut dyn Iterator<Item = usize>| {
            let mut near = vec![None; of.len()];
            let mut last: Option<usize> = None;
            for place in places {
                near[place] = last.filter(|&last| origin.section_of[last] == origin.section_of[place]);
                if of[place].is_some() {
                    last = Some(place);
                }
            }
            near
        };
        let before = near(&mut (0..of.len()));
        let after = near(&mut (0..of.len()).rev());
        Counterparts { of, before, after }
    }

    /// Groups statements into runs that can be put in as they stand.
    pub(super) fn runs(&self, places: &BTreeSet<usize>) -> Vec<Run> {
        let mut runs: Vec<Run> = Vec::new();
        for &place in places {
            let section = self.section_of[place];
            let is_row = |place: usize| self.statements[place].kind == Kind::Row;
            let same = |run: &Run| {
                let last = run.places.end - 1;
                run.places.end == place
                    && run.section == section
                    && is_row(last) == is_row(place)
                    && (!is_row(place) || self.same_table(last, place))
            };
            match runs.last_mut().filter(|run| same(run)) {
                Some(run) => run.places.end += 1,
                None => runs.push(Run { places: place..place + 1, section }),
            }
        }
        runs
    }

    /// Says whether two rows, the first before the second, are of one table.
    fn same_table(&self, a: usize, b: usize) -> bool {
        (a..b).all(|at| {
            let (above, below) = (&self.statements[at], &self.statements[at + 1]);
            let gap = &self.content[above.span.end..below.span.start];
            above.kind == Kind::Row && below.kind == Kind::Row && gap.trim().is_empty() && !gap.contains('\n')
        })
    }

    /// Returns the head of the table that a row is of: lines above its first row.
    fn table_head(&self, row: usize) -> Range<usize> {
        let first = (0..row).rev().take_while(|&above| self.same_table(above, above + 1)).last();
        let first = first.unwrap_or(row);
        let end = self.statements[first].span.start;
        let floor = first.checked_sub(1).map_or(0, |above| self.statements[above].span.end);
        let mut start = end;
        for line in self.content[floor..end].split_inclusive('\n').rev() {
            if !line.trim_start_matches(['>', ' ', '\t']).starts_with('|') {
                break;
            }
            start -= line.len();
        }
        start..end
    }

    fn table_end(&self, row: usize) -> usize {
        let mut last = row;
        while last + 1 < self.statements.len() && self.same_table(last, last + 1) {
            last += 1;
        }
        self.statements[last].span.end
    }

    /// Finds where a run of another page goes.
    pub(super) fn placed(
        &self,
        origin: &Page<'_>,
        run: &Run,
        known: &Counterparts,
        opened: &mut BTreeSet<usize>,
        is_inline_allowed: bool,
    ) -> Placed {
        let (first, last) = (run.places.start, run.places.end - 1);
        if is_inline_allowed && let Some(placed) = self.inline(origin, run, known) {
            return placed;
        }
        if origin.statements[first].kind == Kind::Row
            && let Some(placed) = self.row(origin, run, known)
        {
            return placed;
        }
        let anchors = (known.before[first], known.after[last]);
        let column = self.column_for(origin, first, anchors.0.or(anchors.1), known);
        let mut piece = Piece::of(origin, run.places.clone(), column);
        if origin.statements[first].kind == Kind::Row {
            let head = &origin.content[origin.table_head(first)];
            piece.text.insert_str(0, &head.replace("\r\n", "\n"));
            piece.first = Kind::Block;
        }
        let lines = |at: usize, section: Option<usize>, piece: Piece| Placed {
            splices: vec![Splice::lines(at, 0, piece)],
            section,
        };
        // Where a blank line parted it from what stood above and none from what stood below, it belongs below.
        let belongs_below = anchors.1 == Some(last + 1)
            && !origin.is_parted(last, last + 1)
            && anchors.0.is_some_and(|above| above + 1 != first || origin.is_parted(above, first));
        if let (Some(above), false) = (anchors.0, belongs_below)
            && let Some(place) = known.of[above]
        {
            let is_ancestor = origin.ancestors(first).any(|ancestor| ancestor == above);
            let at = self.after(place, (!is_ancestor).then_some(column));
            return lines(at, self.section_of[place], piece);
        }
        if let Some(below) = anchors.1
            && let Some(place) = known.of[below]
        {
            return lines(self.before(place), self.section_of[place], piece);
        }
        let Some(section) = run.section else {
            let end = self.sections.first().map_or(self.content.len(), |first| first.lines.start);
            return lines(self.trimmed(0, end), None, piece);
        };
        if let Some(here) = self.same_section(&origin.sections[section].trail) {
            let own = &self.sections[here];
            return lines(self.trimmed(own.lines.end, own.body_end), Some(here), piece);
        }
        // The headings that are missing come with it.
        let mut missing: Vec<usize> = Vec::new();
        let mut found = None;
        for above in origin.with_sections_above(section) {
            found = self.same_section(&origin.sections[above].trail);
            if found.is_some() {
                break;
            }
            missing.push(above);
        }
        let mut head = String::new();
        for &above in missing.iter().rev() {
            if opened.insert(above) {
                head.push_str(&origin.content[origin.sections[above].lines.clone()].replace("\r\n", "\n"));
                head.push_str(if head.ends_with('\n') { "\n" } else { "\n\n" });
            }
        }
        if !head.is_empty() {
            piece.first = Kind::Block;
            piece.is_tight = false;
        }
        piece.text.insert_str(0, &head);
        let (floor, end) = match found {
            Some(here) => (self.sections[here].lines.end, self.sections[here].end),
            None => (0, self.content.len()),
        };
        // Below a heading of a higher level it would be part of that section.
        let level = missing.last().map_or(0, |&top| origin.sections[top].level);
        let higher = self
            .sections
            .iter()
            .find(|other| other.lines.start >= floor && other.lines.start < end && other.level < level);
        let at = self.trimmed(floor, higher.map_or(end, |higher| higher.lines.start));
        Placed { splices: vec![Splice::section(at, level, piece)], section: found }
    }

    /// Puts each statement of a run at the end, on its own.
    pub(super) fn at_end(&self, origin: &Page<'_>, run: &Run) -> Placed {
        let splice = |place: usize| {
            let statement = &origin.statements[place];
            let words = || statement.text.split_whitespace().collect::<Vec<_>>().join(" ");
            let text = match statement.kind {
                Kind::Item => format!("- {}\n", words()),
                Kind::Row => format!("| {} |\n", words()),
                Kind::Pair | Kind::Sentence => format!("{}\n", words()),
                Kind::Block => format!("{}\n", statement.text),
            };
            let piece = Piece { text, first: Kind::Block, last: Kind::Block, is_tight: false };
            Splice::lines(self.content.len(), 0, piece)
        };
        Placed {
            splices: run.places.clone().map(splice).collect(),
            section: self.sections.len().checked_sub(1),
        }
    }

    /// Puts sentences into the line that their neighbour stands in.
    fn inline(&self, origin: &Page<'_>, run: &Run, known: &Counterparts) -> Option<Placed> {
        let (first, last) = (run.places.start, run.places.end - 1);
        let are_sentences = run.places.clone().all(|at| origin.statements[at].kind == Kind::Sentence);
        if !are_sentences {
            return None;
        }
        let shares_line = |a: usize, b: usize| {
            !origin.content[origin.statements[a].text_span.end..origin.statements[b].text_span.start]
                .contains('\n')
        };
        let sentence = |place: usize| {
            let at = known.of[place]?;
            (self.statements[at].kind == Kind::Sentence).then_some(at)
        };
        let span = origin.statements[first].text_span.start..origin.statements[last].text_span.end;
        let text = origin.content[span].split_whitespace().collect::<Vec<_>>().join(" ");
        if first > 0
            && shares_line(first - 1, first)
            && let Some(at) = sentence(first - 1)
        {
            let splice = Splice::inline(self.statements[at].text_span.end, format!(" {text}"));
            return Some(Placed { splices: vec![splice], section: self.section_of[at] });
        }
        if last + 1 < origin.statements.len()
            && shares_line(last, last + 1)
            && let Some(at) = sentence(last + 1)
        {
            let splice = Splice::inline(self.statements[at].text_span.start, format!("{text} "));
            return Some(Placed { splices: vec![splice], section: self.section_of[at] });
        }
        None
    }

    /// Puts rows beside a row of their table, or into a table with the same head.
    fn row(&self, origin: &Page<'_>, run: &Run, known: &Counterparts) -> Option<Placed> {
        let (first, last) = (run.places.start, run.places.end - 1);
        let row = |place: usize| {
            let at = known.of[place]?;
            (self.statements[at].kind == Kind::Row).then_some(at)
        };
        let above = known.before[first].filter(|&above| origin.same_table(above, first)).and_then(row);
        let below = known.after[last].filter(|&below| origin.same_table(last, below)).and_then(row);
        let (at, beside) = match (above, below) {
            (Some(above), _) => (self.statements[above].span.end, above),
            (None, Some(below)) => (self.statements[below].span.start, below),
            (None, None) => {
                let trail = run.section.map(|section| &origin.sections[section].trail);
                let head = normal(&origin.content[origin.table_head(first)]);
                let same = (0..self.statements.len()).find(|&place| {
                    self.statements[place].kind == Kind::Row
                        && self.section_of[place].map(|section| &self.sections[section].trail) == trail
                        && !head.is_empty()
                        && normal(&self.content[self.table_head(place)]) == head
                })?;
                (self.table_end(same), same)
            }
        };
        let piece = Piece::of(origin, run.places.clone(), self.column(beside));
        Some(Placed { splices: vec![Splice::lines(at, 0, piece)], section: self.section_of[beside] })
    }

    fn ancestors(&self, place: usize) -> impl Iterator<Item = usize> {
        std::iter::successors(self.statements[place].parent, |&at| self.statements[at].parent)
    }

    /// Returns the column that a statement of another page stands in here.
    fn column_for(
        &self,
        origin: &Page<'_>,
        first: usize,
        anchor: Option<usize>,
        known: &Counterparts,
    ) -> usize {
        let parent = origin.statements[first].parent;
        let sibling = anchor.filter(|&anchor| {
            origin.statements[anchor].parent == parent && origin.statements[anchor].kind == Kind::Item
        });
        if let Some(here) = sibling.and_then(|sibling| known.of[sibling])
            && origin.statements[first].kind == Kind::Item
        {
            return self.column(here);
        }
        let Some(parent) = parent else { return origin.column(first).min(3) };
        let Some(here) = known.of[parent] else { return 0 };
        let below = self.statements.iter().skip(here);
        let child = below.take(if self.statements[here].leads { usize::MAX } else { 0 });
        match child.into_iter().position(|statement| statement.parent == Some(here)) {
            Some(child) => self.column(here + child),
            None => self.column(here) + origin.column(first).saturating_sub(origin.column(parent)),
        }
    }

    /// Returns where lines go that come after a statement, and after what hangs below it to the right of a
    /// column.
    fn after(&self, place: usize, right_of: Option<usize>) -> usize {
        if self.statements[place].kind == Kind::Row {
            return self.table_end(place);
        }
        let mut last = place;
        while let Some(next) = self.statements.get(last + 1) {
            let hangs = right_of.is_some_and(|column| {
                self.section_of[last + 1] == self.section_of[place]
                    && next.parent.is_some()
                    && self.column(last + 1) > column
            });
            let end = self.statements[last].span.end;
            let line_end = self.content[end..].find('\n').map_or(self.content.len(), |at| end + at);
            let shares_line = !self.ends_line(&self.statements[last]) && next.span.start < line_end;
            if !hangs && !shares_line {
                break;
            }
            last += 1;
        }
        let end = self.statements[last].span.end;
        if self.ends_line(&self.statements[last]) {
            return end;
        }
        self.content[end..].find('\n').map_or(self.content.len(), |at| end + at + 1)
    }

    /// Returns where lines go that come before a statement.
    fn before(&self, place: usize) -> usize {
        let mut first = place;
        while first > 0 && !self.begins_line(&self.statements[first]) {
            first -= 1;
        }
        match self.statements[first].kind {
            Kind::Row => {
                let head = self.table_head(first);
                if first == 0 || !self.same_table(first - 1, first) { head.start } else { head.end }
            }
            _ => self.statements[first].span.start,
        }
    }

    /// Returns where a stretch of text ends without its last blank lines.
    fn trimmed(&self, floor: usize, end: usize) -> usize {
        let body = self.content[floor..end].trim_end();
        let at = floor + body.len();
        if at == 0 {
            return 0;
        }
        self.content[at..end].find('\n').map_or(end, |newline| at + newline + 1)
    }

    fn same_section(&self, trail: &[String]) -> Option<usize> {
        self.sections.iter().rposition(|section| section.trail == trail)
    }

    /// Cuts statements, moves what hung below them to the left, and cuts the headings and table heads
    /// that have nothing left below them.
    pub(super) fn cuts(
        &self,
        cut: &BTreeSet<usize>,
        inserted_into: &BTreeSet<usize>,
        is_neat: bool,
    ) -> Vec<Splice> {
        let mut splices: Vec<Splice> = cut
            .iter()
            .filter_map(|&place| self.statements.get(place))
            .map(|s| Splice::cut(s.span.clone()))
            .collect();
        for place in 0..self.statements.len() {
            if cut.contains(&place) {
                continue;
            }
            let path: Vec<usize> = std::iter::once(place).chain(self.ancestors(place)).collect();
            let excess: usize = path
                .windows(2)
                .filter(|pair| cut.contains(&pair[1]) && self.statements[pair[1]].kind == Kind::Item)
                .map(|pair| self.column(pair[0]).saturating_sub(self.column(pair[1])))
                .sum();
            if excess == 0 || !self.begins_line(&self.statements[place]) {
                continue;
            }
            let mut at = self.statements[place].span.start;
            for line in self.content[self.statements[place].span.clone()].split_inclusive('\n') {
                let space = line.len() - line.trim_start_matches([' ', '\t']).len();
                if space > 0 {
                    splices.push(Splice::cut(at..at + space.min(excess)));
                }
                at += line.len();
            }
        }
        if is_neat {
            splices.extend(self.empty_heads(cut, inserted_into).into_iter().map(Splice::cut));
        }
        splices
    }

    fn empty_heads(&self, cut: &BTreeSet<usize>, inserted_into: &BTreeSet<usize>) -> Vec<Range<usize>> {
        // What was there and what is left, by section, its own sections included.
        let mut counts: BTreeMap<usize, (usize, usize)> = BTreeMap::new();
        for (place, section) in self.section_of.iter().enumerate() {
            let Some(section) = *section else { continue };
            for above in self.with_sections_above(section) {
                let count = counts.entry(above).or_default();
                count.0 += 1;
                count.1 += usize::from(!cut.contains(&place));
            }
        }
        let is_empty = |section: &usize| {
            counts.get(section).is_some_and(|&(had, left)| had > 0 && left == 0)
                && !inserted_into.contains(section)
        };
        let mut heads: Vec<Range<usize>> =
            (0..self.sections.len()).filter(is_empty).map(|at| self.sections[at].lines.clone()).collect();
        let is_first = |&place: &usize| {
            self.statements[place].kind == Kind::Row && (place == 0 || !self.same_table(place - 1, place))
        };
        for first in (0..self.statements.len()).filter(is_first) {
            let mut last = first;
            while last + 1 < self.statements.len() && self.same_table(last, last + 1) {
                last += 1;
            }
            if (first..=last).all(|row| cut.contains(&row)) {
                heads.push(self.table_head(first));
            }
        }
        heads
    }
}

/// Finds the headings of a text: they stand between its statements.
fn sections(content: &str, statements: &[Statement<'_>]) -> Vec<Section> {
    let mut found: Vec<(usize, String, Range<usize>)> = Vec::new();
    let mut from = 0;
    let ends = statements.iter().map(|statement| statement.span.clone());
    for span in ends.chain(std::iter::once(content.len()..content.len())) {
        let mut at = from;
        let mut title: Option<(String, usize)> = None;
        for line in content[from.min(span.start)..span.start].split_inclusive('\n') {
            let start = at;
            at += line.len();
            let text = line.trim_start_matches(['>', ' ', '\t', '\u{feff}']).trim_end();
            let level = text.bytes().take_while(|&b| b == b'#').count();
            let rest = &text[level..];
            if (1..=6).contains(&level) && (rest.is_empty() || rest.starts_with([' ', '\t'])) {
                let words = rest.trim().trim_end_matches('#').trim_end();
                found.push((level, normal(words), start..at));
                title = None;
            } else if text.is_empty() || text.starts_with('|') {
                title = None;
            } else if let Some((words, first)) = title.as_mut() {
                let underline = |mark: u8| text.len() >= 3 && text.bytes().all(|b| b == mark);
                if underline(b'=') || underline(b'-') {
                    let level = if underline(b'=') { 1 } else { 2 };
                    found.push((level, normal(words), *first..at));
                    title = None;
                } else {
                    words.push('\n');
                    words.push_str(text);
                }
            } else if !matches!(text, "---" | "+++" | "...") {
                title = Some((text.to_owned(), start));
            }
        }
        from = span.end.max(from);
    }
    let mut sections: Vec<Section> = Vec::with_capacity(found.len());
    let mut open: Vec<usize> = Vec::new();
    let starts: Vec<(usize, usize)> = found.iter().map(|(level, _, lines)| (*level, lines.start)).collect();
    for (at, (level, title, lines)) in found.into_iter().enumerate() {
        while open.last().is_some_and(|&above| sections[above].level >= level) {
            if let Some(closed) = open.pop() {
                sections[closed].end = lines.start;
            }
        }
        let above = open.last().copied();
        let mut trail = above.map_or_else(Vec::new, |above| sections[above].trail.clone());
        trail.push(title);
        let body_end = starts.get(at + 1).map_or(content.len(), |&(_, start)| start);
        open.push(sections.len());
        sections.push(Section { trail, level, lines, body_end, end: content.len(), above });
    }
    sections
}
