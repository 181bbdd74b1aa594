//! `prices` of `dreamrun.yaml`: what models cost where the built-in table does not know, or not as well.

use std::collections::BTreeMap;

use jiff::civil::Date;

use crate::price::{Generation, ModelPrice, PriceTable, Rates, Usd};
use crate::spec::authored::AuthoredPrice;
use crate::spec::checker::Checker;
use crate::spec::codes::Code;
use crate::spec::quantity::{self, Wrong};
use crate::spec::route::{ROOT, Route};

/// How much more a cache write may cost than input where nothing says what it costs: what the most expensive
/// one of the built-in table does.
const CACHE_WRITE_TIMES: u64 = 2;

/// Puts a project's own prices into the table.
pub(super) fn prices(
    authored: Option<BTreeMap<String, AuthoredPrice>>,
    checker: &mut Checker<'_>,
) -> PriceTable {
    let mut table = PriceTable::builtin();
    for (model, price) in authored.into_iter().flatten() {
        let parent = ROOT.key("prices");
        let route = parent.key(&model);
        let known = table.price(&model);
        if known.is_some_and(ModelPrice::is_free) {
            let problem = checker.at_key(Code::Price, &route, format!("`{model}` calls no model"));
            checker.tell(problem.help("remove it: it costs nothing"));
            continue;
        }
        // Of two ways to count, the one that never estimates too little.
        let generation = known.map_or(Generation::From47, |known| known.generation);
        if let Some(price) = self::price(price, generation, &route, checker) {
            table.set(model, price);
        }
    }
    table
}

fn price(
    authored: AuthoredPrice,
    generation: Generation,
    route: &Route<'_>,
    checker: &mut Checker<'_>,
) -> Option<ModelPrice> {
    let mut dollars = |key: &str, amount: Option<f64>| {
        amount.map(|amount| checker.take(Code::Amount, &route.key(key), quantity::dollars(amount)))
    };
    let input = dollars("input", authored.input);
    let output = dollars("output", authored.output);
    let cache_read = dollars("cache_read", authored.cache_read);
    let cache_write = dollars("cache_write", authored.cache_write);
    let cache_write_1h = dollars("cache_write_1h", authored.cache_write_1h);
    let as_of = authored.as_of.map(|text| checker.take(Code::Price, &route.key("as_of"), day(&text)));
    let input = input??;
    let cache_write = cache_write.unwrap_or(Some(input))?;
    let cache_write_1h = match cache_write_1h {
        Some(given) => given?,
        None if authored.cache_write.is_some() => cache_write,
        None => Usd::from_micros(input.micros() * CACHE_WRITE_TIMES),
    };
    let rates = Rates {
        input,
        cache_write_5m: cache_write,
        cache_write_1h,
        cache_read: cache_read.unwrap_or(Some(input))?,
        output: output??,
    };
    let source = authored.source.unwrap_or_else(|| "dreamrun.yaml".to_owned());
    Some(ModelPrice { rates, long_rates: None, generation, as_of: as_of??, source: source.into() })
}

fn day(text: &str) -> Result<Date, Wrong> {
    let is_plain = text.len() == 10 && text.as_bytes()[4] == b'-';
    let date = text.parse::<Date>().ok().filter(|_| is_plain);
    date.ok_or_else(|| Wrong::new("this is not a date").help("write the day as `2026-11-01`"))
}

#[cfg(test)]
mod tests {
    use crate::spec::LoadOptions;
    use crate::spec::load_project;
    use crate::spec::source::SourceFile;

    use super::*;

    /// Loads a project with some prices; what it says if they cannot be used.
    fn table(prices: &str) -> Result<PriceTable, Vec<(Code, usize, String)>> {
        let file = SourceFile::new("dreamrun.yaml", format!("dreamrun: 1\nprices:\n{prices}"));
        let options = LoadOptions { known_minds: vec!["offline".to_owned()], ..LoadOptions::default() };
        load_project(&file, None, &options).map(|(project, _)| project.prices).map_err(|problems| {
            let place =
                |line: &crate::spec::problem::Problem| line.place.as_ref().map_or(0, |place| place.line);
            problems.into_iter().map(|p| (p.code, place(&p), p.label)).collect()
        })
    }

    fn micros(rates: Rates) -> [u64; 5] {
        let Rates { input, cache_write_5m, cache_write_1h, cache_read, output } = rates;
        [input, cache_write_5m, cache_write_1h, cache_read, output].map(Usd::micros)
    }

    #[test]
    fn what_is_left_out_is_never_taken_for_less_than_it_may_be() {
        let table = table(
            "  a: {input: 2, output: 8, as_of: 2026-11-01}\n  \
             b: {input: 2, output: 8, cache_read: 0.2, cache_write: 2.5, as_of: 2026-11-01}\n  \
             c: {input: 2, output: 8, cache_write: 2.5, cache_write_1h: 4, as_of: 2026-11-01}\n",
        )
        .unwrap();
        let of = |model: &str| micros(table.price(model).unwrap().rates);
        assert_eq!(of("a"), [2_000_000, 2_000_000, 4_000_000, 2_000_000, 8_000_000]);
        assert_eq!(of("b"), [2_000_000, 2_500_000, 2_500_000, 200_000, 8_000_000]);
        assert_eq!(of("c"), [2_000_000, 2_500_000, 4_000_000, 2_000_000, 8_000_000]);
        // Of a model nobody knows it is not known how it counts: as the one that counts more.
        assert_eq!(table.price("a").unwrap().generation, Generation::From47);
    }

    #[test]
    fn a_known_model_counts_as_before_and_costs_what_the_project_says() {
        let table = table("  claude-sonnet-4-6: {input: 1, output: 2, as_of: 2026-11-01}\n").unwrap();
        let price = table.price("anthropic/claude-sonnet-4-6").unwrap();
        assert_eq!((price.generation, price.source.as_ref()), (Generation::Before47, "dreamrun.yaml"));
        assert_eq!(price.rates.output, Usd::from_micros(2_000_000));
        assert_eq!(table.price("claude-opus-5"), PriceTable::builtin().price("claude-opus-5"));
    }

    #[test]
    fn a_price_that_cannot_be_used_is_told_where_it_stands() {
        let told = |prices: &str| {
            let problems = table(prices).unwrap_err();
            let [(code, line, _)] = problems.as_slice() else { panic!("{problems:?}") };
            (*code, *line)
        };
        assert_eq!(told("  m: {input: 2, as_of: 2026-11-01}\n"), (Code::MissingKey, 3));
        assert_eq!(told("  m: {input: 2, output: 3}\n"), (Code::MissingKey, 3));
        assert_eq!(told("  m:\n    input: 1e9\n    output: 3\n    as_of: 2026-11-01\n"), (Code::Amount, 4));
        assert_eq!(told("  m:\n    input: 1\n    output: 3\n    as_of: November\n"), (Code::Price, 6));
        assert_eq!(told("  offline: {input: 1, output: 1, as_of: 2026-11-01}\n"), (Code::Price, 3));
    }
}
