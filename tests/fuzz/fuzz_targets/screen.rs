//! Whether the screen changes nothing but the time: inputs made from the fuzzer's bytes, evaluated with it and without it.
#![no_main]

#[path = "../../../benches/workload/mod.rs"]
#[expect(dead_code, reason = "the benchmarks need more of it")]
mod generated;
#[path = "../shared/mod.rs"]
#[expect(dead_code, reason = "the differential test needs more of it")]
mod shared;

use std::cell::Cell;
use std::path::Path;
use std::sync::LazyLock;

use libfuzzer_sys::fuzz_target;
use shared::compare::Agreed;
use shared::compare::Ways;
use shared::dice::Dice;
use shared::record::Corpus;
use shared::rules;

/// Inputs between two reports.
const REPORT: u64 = 100_000;

static CORPUS: LazyLock<Corpus> = LazyLock::new(|| {
    let generated = generated::record::Records::new(generated::SEED).take(2_000).map(|record| record.text);
    Corpus::new(generated.chain(shared::record::fixtures(root())))
});

static WAYS: LazyLock<Vec<Ways>> = LazyLock::new(|| {
    let mut ways = rules::built_in(root());
    let public = std::env::var_os("TRAILWARDEN_PUBLIC_DATA");
    ways.extend(public.map(|directory| rules::beside(&Path::new(&directory).join("sigma"))));
    for count in [10, 100] {
        let rules = generated::rules::generated_rules(generated::SEED, count).into_iter().map(|rule| rule.text);
        ways.push(rules::alone(&format!("{count} generated rules"), &rules.collect::<Vec<_>>(), false));
    }
    ways.extend(rules::forms());
    ways.extend(rules::each_form());
    ways
});

thread_local! {
    static AGREED: Cell<(u64, Agreed)> = Cell::default();
}

fn root() -> &'static Path {
    Path::new(concat!(env!("CARGO_MANIFEST_DIR"), "/../.."))
}

fuzz_target!(|bytes: &[u8]| {
    let dice = &mut Dice::new(bytes);
    let (ways, live) = (dice.one_of(&WAYS), dice.one_in(6));
    let given = shared::given(dice, &CORPUS);
    let agreed = ways.agree(&given, live).unwrap_or_else(|difference| panic!("{difference}"));
    let (count, mut sum) = AGREED.get();
    sum.add(agreed);
    AGREED.set((count + 1, sum));
    if (count + 1) % REPORT == 0 {
        eprintln!("{} inputs: {sum:?}", count + 1);
    }
});
