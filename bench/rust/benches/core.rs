//! What models write, at 1, 4, 16 and 64 tokens a delta and whole, as ids and as text: time and MB/s of UTF-8.

use std::hint::black_box;
use std::sync::Arc;
use std::time::Duration;

use criterion::{BenchmarkId, Criterion, Throughput, criterion_group, criterion_main};
use gemma4_parser::{Error, Event, Options, Sink, StreamParser, Vocabulary};
use gemma4_parser_bench::WORKLOADS;
use gemma4_parser_bench::case::Case;
use gemma4_parser_bench::run::{Form, run};

/// About so many tokens: text and events of a case stay in the cache.
const SIZE: usize = 8192;
const PER_DELTA: [usize; 5] = [1, 4, 16, 64, 0];

/// Looks at every event and keeps none.
struct Look;

impl Sink for Look {
    fn event(&mut self, event: Event<'_>) {
        black_box(event.text);
    }
}

/// One stream over all of a case.
fn feed<D: ?Sized>(
    stream: StreamParser,
    case: &Case,
    deltas: &[&D],
    push: fn(&mut StreamParser, &D) -> Result<(), Error>,
) -> Result<(), Error> {
    let mut stream = stream;
    for delta in deltas {
        push(&mut stream, delta)?;
    }
    stream.finish(case.finish, &mut Look)
}

fn stream(vocabulary: &Arc<Vocabulary>, options: &Options) -> StreamParser {
    StreamParser::new(Some(Arc::clone(vocabulary)), options.clone()).expect("options that a run has tried")
}

fn workloads(criterion: &mut Criterion) {
    for workload in WORKLOADS.iter().filter(|workload| !workload.hostile) {
        let mut case = Case::new();
        (workload.build)(SIZE, &mut case);
        let vocabulary = case.vocabulary().expect("a vocabulary of the case's pieces");
        let options = case.options().expect("tools that are JSON");
        let mut group = criterion.benchmark_group(workload.name);
        group.throughput(Throughput::BytesDecimal(case.text.len() as u64));
        for form in workload.forms {
            let is_ids = *form == "ids";
            for size in PER_DELTA {
                // A wrong answer is an error, not a number.
                run(&case, if is_ids { Form::Ids } else { Form::Text }, size).expect("the right answer");
                let name = if size == 0 { "whole".to_owned() } else { size.to_string() };
                let (ids, texts) = (case.id_deltas(size), case.text_deltas(size));
                group.bench_function(BenchmarkId::new(*form, name), |bencher| {
                    if is_ids {
                        let push = |stream: &mut StreamParser, ids: &[u32]| stream.push(ids, &mut Look);
                        bencher.iter(|| feed(stream(&vocabulary, &options), &case, &ids, push));
                    } else {
                        let push = |stream: &mut StreamParser, text: &str| stream.push_text(text, &mut Look);
                        bencher.iter(|| feed(stream(&vocabulary, &options), &case, &texts, push));
                    }
                });
            }
        }
    }
}

criterion_group! {
    name = benches;
    // A few minutes for all of it.
    config = Criterion::default()
        .sample_size(20)
        .warm_up_time(Duration::from_millis(200))
        .measurement_time(Duration::from_millis(800));
    targets = workloads
}
criterion_main!(benches);
