//! What models cost: one dated row each, and the sources the rows were read from.
//!
//! Amounts are US dollars per million tokens. Batch and fast modes do not apply to dreams. A price
//! that a project knows better (`prices` of `dreamrun.yaml`) replaces a row.

use std::borrow::Cow;
use std::collections::BTreeMap;

use jiff::civil::{Date, date};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::dream::Usage;

use super::estimate::{cost_of, estimate_dream};
use super::{Usd, UsdRange};

/// The mind that calls no model.
const OFFLINE: &str = "offline";

/// The prices of one size of request, per million tokens.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Rates {
    /// Uncached input.
    pub input: Usd,
    /// Writing to the cache for five minutes.
    pub cache_write_5m: Usd,
    /// Writing to the cache for an hour.
    pub cache_write_1h: Usd,
    /// Reading from the cache.
    pub cache_read: Usd,
    /// Output.
    pub output: Usd,
}

/// Which tokenizer a model counts with.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Generation {
    /// The one estimates are made for.
    Before47,
    /// The one that counts about 30% more tokens for the same text.
    From47,
}

/// One row of the table.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct ModelPrice {
    /// The prices; of short requests, where long ones cost more.
    pub rates: Rates,
    /// The prices of long requests, where they differ. Which applies is not known from totals, so
    /// they widen the range.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub long_rates: Option<Rates>,
    /// How it counts tokens.
    pub generation: Generation,
    /// When the price was last seen to hold.
    pub as_of: Date,
    /// Where.
    pub source: Cow<'static, str>,
}

impl ModelPrice {
    /// Says whether it costs nothing, whatever is used.
    pub fn is_free(&self) -> bool {
        self.rates == Rates::default() && self.long_rates.is_none()
    }

    /// Says whether the same usage costs the same, whenever and wherever either price was seen.
    pub fn costs_as(&self, other: &Self) -> bool {
        let Self { rates, long_rates, generation, as_of: _, source: _ } = self;
        (rates, long_rates, generation) == (&other.rates, &other.long_rates, &other.generation)
    }

    /// Returns what some usage costs.
    ///
    /// The API does not say how cache writes divide into the five-minute and the one-hour price:
    /// the range takes all at the one and all at the other.
    pub fn cost(&self, usage: &Usage) -> UsdRange {
        let at = |rates: &Rates, cache_write: Usd| -> Usd {
            let parts = [
                (usage.input_tokens, rates.input),
                (usage.output_tokens, rates.output),
                (usage.cache_read_input_tokens, rates.cache_read),
                (usage.cache_creation_input_tokens, cache_write),
            ];
            parts.into_iter().map(|(tokens, price)| cost_of(tokens, price)).sum()
        };
        let long = self.long_rates.as_ref().unwrap_or(&self.rates);
        UsdRange::new(at(&self.rates, self.rates.cache_write_5m), at(long, long.cache_write_1h))
    }
}

/// What models cost.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct PriceTable {
    rows: BTreeMap<String, ModelPrice>,
}

impl PriceTable {
    /// Returns the table this version was released with.
    pub fn builtin() -> Self {
        let rows = BUILTIN.iter().map(|row| (row.model.to_owned(), row.price())).collect();
        Self { rows }
    }

    /// Adds a row, replacing the one of the same model.
    pub fn set(&mut self, model: impl Into<String>, price: ModelPrice) -> Option<ModelPrice> {
        self.rows.insert(model.into(), price)
    }

    /// Returns the rows in the order of their models.
    pub fn rows(&self) -> impl Iterator<Item = (&str, &ModelPrice)> {
        self.rows.iter().map(|(model, price)| (model.as_str(), price))
    }

    /// Looks a model up: by its name as given, then without a provider in front (`anthropic/…`) and
    /// a date at the end (`…-20251001`). A provider that resells a model sets its own price, so only
    /// the maker's is taken off.
    pub fn price(&self, model: &str) -> Option<&ModelPrice> {
        let plain = model.strip_prefix("anthropic/").unwrap_or(model);
        self.rows.get(model).or_else(|| self.rows.get(plain)).or_else(|| self.rows.get(undated(plain)))
    }

    /// Returns what some usage of a model costs; `None` if its price is unknown.
    pub fn cost(&self, model: &str, usage: &Usage) -> Option<UsdRange> {
        Some(self.price(model)?.cost(usage))
    }

    /// Estimates what one dream over so many input tokens may cost; `None` if the price is unknown.
    ///
    /// `input_tokens` are those of [`estimate_tokens`](super::estimate_tokens), over the sessions and
    /// the store. The range rests on an assumption about how dreams work, stated in
    /// [`estimate`](super::estimate), not on a measurement.
    pub fn estimate_dream(&self, model: &str, input_tokens: u64) -> Option<UsdRange> {
        Some(estimate_dream(self.price(model)?, input_tokens))
    }
}

/// Takes a date such as `-20251001` off the end of a model's name.
pub fn undated(model: &str) -> &str {
    match model.rsplit_once('-') {
        Some((name, date)) if date.len() == 8 && date.bytes().all(|b| b.is_ascii_digit()) => name,
        _ => model,
    }
}

/// The source of rows read off the official pricing page.
const OFFICIAL_PAGE: &str = "official pricing page, copy of 21 August 2026";
/// The source of rows read off later copies of the official pages.
const LATER_PAGES: &str = "later copies of the official pricing and model pages";
/// The source of rows whose cache prices rest on third parties.
const CARDS_AND_TABLES: &str =
    "official model cards for input and output, third-party tables citing the official page for the cache";

/// A row as written here: prices in thousandths of a dollar per million tokens.
struct Row {
    model: &'static str,
    rates: [u64; 5],
    long_rates: Option<[u64; 5]>,
    generation: Generation,
    as_of: Date,
    source: &'static str,
}

impl Row {
    fn price(&self) -> ModelPrice {
        let rates = |thousandths: [u64; 5]| {
            let [input, cache_write_5m, cache_write_1h, cache_read, output] =
                thousandths.map(|amount| Usd::from_micros(amount * 1_000));
            Rates { input, cache_write_5m, cache_write_1h, cache_read, output }
        };
        ModelPrice {
            rates: rates(self.rates),
            long_rates: self.long_rates.map(rates),
            generation: self.generation,
            as_of: self.as_of,
            source: Cow::Borrowed(self.source),
        }
    }
}

const fn row(
    model: &'static str,
    rates: [u64; 5],
    generation: Generation,
    as_of: Date,
    source: &'static str,
) -> Row {
    Row { model, rates, long_rates: None, generation, as_of, source }
}

const AUGUST: Date = date(2026, 8, 21);
const OCTOBER: Date = date(2026, 10, 10);
const NOVEMBER: Date = date(2026, 11, 9);

use Generation::{Before47, From47};

/// Input, cache write for five minutes and for an hour, cache read, output.
const BUILTIN: &[Row] = &[
    row(OFFLINE, [0; 5], Before47, NOVEMBER, "calls no model"),
    row("claude-opus-4-7", [5_000, 6_250, 10_000, 500, 25_000], From47, AUGUST, OFFICIAL_PAGE),
    row("claude-opus-4-8", [5_000, 6_250, 10_000, 500, 25_000], From47, AUGUST, OFFICIAL_PAGE),
    row("claude-opus-5", [5_000, 6_250, 10_000, 500, 25_000], From47, AUGUST, OFFICIAL_PAGE),
    row("claude-sonnet-4-6", [3_000, 3_750, 6_000, 300, 15_000], Before47, AUGUST, OFFICIAL_PAGE),
    row("claude-sonnet-5", [2_000, 2_500, 4_000, 200, 10_000], From47, AUGUST, OFFICIAL_PAGE),
    row("claude-fable-5", [10_000, 12_500, 20_000, 1_000, 50_000], From47, AUGUST, OFFICIAL_PAGE),
    row("claude-haiku-4-5", [1_000, 1_250, 2_000, 100, 5_000], Before47, AUGUST, OFFICIAL_PAGE),
    row("claude-opus-5-5", [4_000, 5_000, 8_000, 200, 20_000], From47, OCTOBER, CARDS_AND_TABLES),
    row("claude-sonnet-5-5", [2_000, 2_500, 4_000, 100, 10_000], From47, OCTOBER, CARDS_AND_TABLES),
    row("claude-fable-5-1", [10_000, 12_500, 20_000, 250, 50_000], From47, OCTOBER, LATER_PAGES),
    row("claude-fable-5-2", [8_000, 10_000, 16_000, 200, 40_000], From47, NOVEMBER, CARDS_AND_TABLES),
    Row {
        model: "claude-haiku-5-5",
        rates: [100, 125, 200, 10, 500],
        long_rates: Some([500, 625, 1_000, 50, 2_500]),
        generation: From47,
        as_of: OCTOBER,
        source: CARDS_AND_TABLES,
    },
];

#[cfg(test)]
mod tests {
    use super::*;

    const USAGE: Usage = Usage {
        input_tokens: 1_000_000,
        output_tokens: 100_000,
        cache_read_input_tokens: 2_000_000,
        cache_creation_input_tokens: 1_000_000,
    };

    fn cost(model: &str) -> Option<String> {
        PriceTable::builtin().cost(model, &USAGE).map(|range| range.to_string())
    }

    #[test]
    fn usage_costs_what_the_table_says() {
        // 3.00 + 1.50 + 0.60, and 3.75 or 6.00 for the cache.
        assert_eq!(cost("claude-sonnet-4-6").as_deref(), Some("$8.85–$11.10"));
        // 0.10 + 0.05 + 0.02 + 0.125 in short requests, 0.50 + 0.25 + 0.10 + 1.00 in long ones.
        assert_eq!(cost("claude-haiku-5-5").as_deref(), Some("$0.30–$1.85"));
        assert_eq!(cost("offline").as_deref(), Some("$0"));
        assert_eq!(cost("some-other-model"), None);
    }

    #[test]
    fn a_model_is_found_with_its_maker_and_its_date() {
        let table = PriceTable::builtin();
        let plain = table.price("claude-haiku-4-5");
        assert!(plain.is_some());
        assert_eq!(table.price("anthropic/claude-haiku-4-5-20251001"), plain);
        assert_eq!(table.price("reseller/claude-haiku-4-5"), None);
        assert_eq!(table.price("claude-haiku-4-5-latest"), None);
    }

    #[test]
    fn an_estimate_is_a_range_that_newer_tokenizers_raise() {
        let table = PriceTable::builtin();
        let estimate = |model| table.estimate_dream(model, 300_000).map(|range| range.to_string());
        assert_eq!(estimate("claude-sonnet-4-6").as_deref(), Some("$1.44–$3.92"));
        assert_eq!(estimate("claude-sonnet-5").as_deref(), Some("$1.25–$3.39"));
        assert_eq!(estimate("offline").as_deref(), Some("$0"));
        assert_eq!(estimate("some-other-model"), None);
    }

    #[test]
    fn no_number_of_tokens_overflows() {
        let table = PriceTable::builtin();
        let most = Usage {
            input_tokens: u64::MAX,
            output_tokens: u64::MAX,
            cache_read_input_tokens: u64::MAX,
            cache_creation_input_tokens: u64::MAX,
        };
        for (model, _) in table.rows() {
            assert!(table.cost(model, &most).is_some());
            let range = table.estimate_dream(model, u64::MAX).unwrap();
            assert!(range.low <= range.high);
        }
    }

    #[test]
    fn a_row_can_be_replaced_and_read_back() {
        let mut table = PriceTable::builtin();
        let mut own = table.price("claude-sonnet-5").unwrap().clone();
        own.rates.input = Usd::from_micros(1);
        own.source = "our contract".into();
        assert!(table.set("claude-sonnet-5", own.clone()).is_some());
        let text = serde_json::to_string(&table).unwrap();
        assert_eq!(serde_json::from_str::<PriceTable>(&text).unwrap().price("claude-sonnet-5"), Some(&own));
    }

    #[test]
    fn a_longer_cache_never_costs_less() {
        for (model, price) in PriceTable::builtin().rows() {
            let long = price.long_rates.unwrap_or(price.rates);
            for rates in [price.rates, long] {
                assert!(rates.cache_write_5m <= rates.cache_write_1h, "{model}");
                assert!(rates.cache_read <= rates.input, "{model}");
            }
        }
    }
}
