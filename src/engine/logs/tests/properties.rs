//! Of any log that a program may write: each line is read once.

use std::time::Duration;

use proptest::prelude::*;

use super::{Case, lines, soon};
use crate::engine::fake::{EventFault, Script};
use crate::engine::logs::{Offset, Spools, Streams};
use crate::engine::{Engine, Stream};
use crate::wait::pause;

/// What a container writes in a run: at which tenth of a second, to which stream, what.
type Writes = Vec<(u64, bool, Vec<u8>)>;

/// Whatever a program may write: ends of lines, zeros, what is no UTF-8.
fn bytes() -> impl Strategy<Value = Vec<u8>> {
    let byte = prop_oneof![3 => Just(b'\n'), 1 => Just(b'\r'), 1 => Just(0), 1 => Just(0xc3), 1 => Just(0xa4), 3 => any::<u8>()];
    prop::collection::vec(byte, 0..60)
}

fn writes() -> impl Strategy<Value = Writes> {
    let lengths = prop_oneof![8 => 0..60_usize, 1 => 16_380..16_390_usize, 1 => Just(40_000_usize)];
    let letters = (lengths, any::<bool>()).prop_map(|(length, ends)| {
        let mut text = vec![b'a' + (length % 26) as u8; length];
        if ends {
            text.push(b'\n');
        }
        text
    });
    let text = prop_oneof![3 => letters, 1 => bytes()];
    prop::collection::vec((0..30_u64, any::<bool>(), text), 0..25)
}

fn script_of(runs: &[Writes], bursts: &[usize]) -> Script {
    let one = |(writes, burst): (&Writes, &usize)| {
        let mut script = Script::new().restart("on-failure", 0);
        let mut sorted = writes.clone();
        sorted.sort_by_key(|(tenth, ..)| *tenth);
        for (tenth, stderr, text) in sorted {
            script = script.after_ms(tenth * 100);
            script = if stderr { script.err(text) } else { script.out(text) };
        }
        let lines: String = (0..*burst).map(|number| format!("burst {number}\n")).collect();
        script.out(lines).after_ms(3000).exit(1)
    };
    let mut scripts = runs.iter().zip(bursts.iter().cycle()).map(one);
    let first = scripts.next().unwrap_or_default();
    scripts.chain([Script::new()]).fold(first, Script::then)
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn the_lines_of_a_process_do_not_depend_on_how_its_output_comes(
        output in bytes(),
        pieces in prop::collection::vec(1..20_usize, 1..5),
    ) {
        let folder = tempfile::tempdir().unwrap();
        let spools = Spools::new(folder.path().join("logs"), "");
        let log = spools.process("any").unwrap();
        let mut rest = &output[..];
        for length in pieces.iter().cycle() {
            if rest.is_empty() {
                break;
            }
            let (piece, after) = rest.split_at(rest.len().min(*length));
            log.add(Stream::Stdout, piece);
            rest = after;
        }
        log.end();
        let spool = spools.spool(&Spools::of_process("any")).unwrap().unwrap();
        let mut expected: Vec<&[u8]> = output.split(|byte| *byte == b'\n').collect();
        // Behind the last newline nothing is no line.
        expected.pop_if(|last| last.is_empty());
        let text = |line: &&[u8]| String::from_utf8_lossy(line.strip_suffix(b"\r").unwrap_or(line)).into_owned();
        let expected: Vec<String> = expected.iter().map(text).collect();
        prop_assert_eq!(lines(&mut spool.reader(Streams::Both, Offset::default())), expected);
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 48, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn no_line_is_lost_or_read_twice(
        runs in prop::collection::vec(writes(), 1..4),
        bursts in prop::collection::vec(prop_oneof![3 => 0..20_usize, 1 => 900..1500_usize, 1 => 10_500..11_500_usize], 1..3),
        cuts in prop::collection::vec(prop_oneof![3 => 0..40_usize, 1 => 1000..12_000_usize], 0..6),
        faults in prop::collection::btree_map(1..10_usize, 0..3_u8, 0..3),
        away in prop::option::of(0..90_u64),
        tty in any::<bool>(),
        set_back in prop::collection::vec((0..90_u64, 1..100_000_u64), 0..3),
    ) {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().start_paused(true).build().unwrap();
        runtime.block_on(async {
            let script = script_of(&runs, &bursts).log_cuts(cuts);
            let script = if tty { script.tty() } else { script };
            let case = Case::create(script, |fake| {
                for (nth, fault) in faults {
                    fake.event(nth, [EventFault::Lost, EventFault::Doubled, EventFault::Cut][usize::from(fault)]);
                }
            }).await;
            case.fake.start("web").await.unwrap();
            if let Some(tenth) = away {
                let fake = case.fake.clone();
                tokio::spawn(async move {
                    pause(Duration::from_millis(tenth * 100)).await;
                    fake.away(true);
                    pause(Duration::from_millis(700)).await;
                    fake.away(false);
                });
            }
            for (tenth, by) in set_back {
                let fake = case.fake.clone();
                tokio::spawn(async move {
                    pause(Duration::from_millis(tenth * 100)).await;
                    fake.set_clock_back("web", Duration::from_millis(by));
                });
            }
            case.seconds(30).await;
            let both = soon(case.all()).await;
            assert_eq!(case.spool().gap(), None);
            let truth = case.fake.written("web");
            for stream in [Stream::Stdout, Stream::Stderr] {
                let expected: Vec<&String> = truth.iter().filter(|(of, _)| *of == stream).map(|(_, line)| line).collect();
                let read = case.now(Streams::One(stream), Offset::default()).await;
                assert!(read.iter().collect::<Vec<_>>() == expected, "{stream:?}: {} of {}", read.len(), expected.len());
            }
            assert_eq!(both.len(), truth.len());
        });
    }
}
