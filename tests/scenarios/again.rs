//! `--rerun-failed` and `--shuffle`, with scenarios that fail until something is mended.

use serde_json::Value;

use super::stage::{Run, Stage};

/// Three scenarios, each of which fails until it is mended.
struct Three {
    stage: Stage,
    folder: String,
}

impl Three {
    fn new() -> Three {
        let stage = Stage::new();
        let folder = stage.path("scenarios");
        std::fs::create_dir(&folder).unwrap();
        for name in ["one", "two", "three"] {
            let mended = stage.path(name);
            let text = format!(
                "scenario: {name}\nthen:\n  - file-assert: {}\n    expect: {{exists: true}}\n",
                mended.display()
            );
            std::fs::write(folder.join(format!("{name}.yaml")), text).unwrap();
        }
        let folder = folder.display().to_string();
        Three { stage, folder }
    }

    fn mend(&self, name: &str) {
        std::fs::write(self.stage.path(name), "").unwrap();
    }

    /// Runs with these arguments, one case after the other.
    fn run(&self, arguments: &[&str]) -> Run {
        self.stage.run("results", &[&["-j", "1"], arguments].concat())
    }
}

/// The names of the cases that ran, in the order in which they began.
fn begun(run: &Run) -> Vec<String> {
    let events = run.events();
    let of = |what: &'static str| events.iter().filter(move |event| event["what"]["event"] == what);
    let cases = of("run-started").next().unwrap()["what"]["cases"].as_array().unwrap();
    let name = |number: &Value| {
        let case = cases.iter().find(|case| case["number"] == *number).unwrap();
        case["name"].as_str().unwrap().to_owned()
    };
    of("case-started").map(|event| name(&event["case"]["number"])).collect()
}

#[test]
fn what_failed_runs_again_until_it_passes_and_the_rest_is_not_forgotten() {
    let three = Three::new();
    three.mend("one");
    let first = three.run(&[&three.folder]);
    assert_eq!(begun(first.code(1)), ["one", "three", "two"]);
    three.mend("two");
    assert_eq!(begun(three.run(&["--rerun-failed"]).code(1)), ["three", "two"]);
    assert_eq!(begun(three.run(&["--rerun-failed"]).code(1)), ["three"]);
    three.mend("three");
    assert_eq!(begun(three.run(&["--rerun-failed"]).code(0)), ["three"]);
    three
        .run(&["--rerun-failed"])
        .code(0)
        .says(&["nothing to run again: none of 3 cases failed"]);
}

#[test]
fn cases_begin_in_the_order_of_the_seed_which_is_told() {
    let three = Three::new();
    for name in ["one", "two", "three"] {
        three.mend(name);
    }
    for (seed, order) in [("7", ["one", "two", "three"]), ("8", ["three", "two", "one"])] {
        let run = three.run(&[&three.folder, &format!("--shuffle={seed}")]);
        assert_eq!(begun(run.code(0)), order);
        run.says(&[&format!("`--shuffle={seed}` gives the same order again")]);
        let property = format!("<property name=\"shuffle\" value=\"{seed}\"/>");
        assert!(run.junit().contains(&property), "{}", run.junit());
    }
}
