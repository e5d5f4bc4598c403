//! Events for the reporters' tests; data only, hence the length.

use std::collections::BTreeMap;

use serde_json::{Value, json};

use crate::diagnostic::{Level, Place};
use crate::event::{
    CaseId, CaseInfo, DiagnosticInfo, Event, Fault, Measure, NOT_BUILT, NodeInfo, Outcome, Phase, Rules, StepInfo,
    Test, What,
};

/// An event of the run `r1`, of the case's first try.
pub(super) fn event(elapsed: f64, case: Option<usize>, what: What) -> Event {
    of_try(elapsed, case.map(|number| (number, 1)), what)
}

/// An event of the run `r1`.
pub(super) fn of_try(elapsed: f64, case: Option<(usize, u32)>, what: What) -> Event {
    Event {
        run: "r1".to_owned(),
        at: "2026-11-20T10:00:00.000Z".to_owned(),
        elapsed,
        case: case.map(|(number, attempt)| CaseId { number, attempt }),
        what,
    }
}

pub(super) fn place(path: &str, line: usize, column: usize, source_line: &str) -> Place {
    Place {
        path: path.to_owned(),
        line,
        column,
        source_line: source_line.to_owned(),
    }
}

pub(super) fn case(number: usize, file: &str, name: &str) -> CaseInfo {
    CaseInfo {
        number,
        file: file.to_owned(),
        place: place(file, 1, 11, &format!("scenario: {name}")),
        scenario: name.to_owned(),
        name: name.to_owned(),
        repetition: None,
        matrix: BTreeMap::new(),
        tags: Vec::new(),
        properties: BTreeMap::new(),
        folder: format!("{number:03}"),
    }
}

pub(super) fn run_started(cases: Vec<CaseInfo>) -> Event {
    let node = NodeInfo {
        name: "local".to_owned(),
        engine: "20.10.24".to_owned(),
        api: "1.41".to_owned(),
        compose: "2.40.3".to_owned(),
        system: "Linux 6.1 amd64".to_owned(),
    };
    let what = What::RunStarted {
        version: "0.1.0".to_owned(),
        command: vec!["e2erun".to_owned(), "scenarios/".to_owned()],
        cases,
        nodes: vec![node],
        passed_over: 1,
        jobs: 2,
        rules: Rules::default(),
        shuffle: None,
    };
    event(0.0, None, what)
}

pub(super) fn run_ended(interrupted: bool, faults: Vec<Fault>) -> Event {
    event(
        45.2,
        None,
        What::RunEnded {
            seconds: 45.2,
            interrupted,
            faults,
        },
    )
}

pub(super) fn case_started() -> What {
    What::CaseStarted {
        unique: String::new(),
        vars: BTreeMap::new(),
    }
}

pub(super) fn case_ended(outcome: Outcome, seconds: f64) -> What {
    What::CaseEnded {
        outcome,
        reason: None,
        seconds,
        parts: BTreeMap::new(),
        faults: Vec::new(),
        retried: false,
        started: true,
    }
}

pub(super) fn step(path: &str, phase: Phase, name: &str, place: Place) -> StepInfo {
    let kind = name.split(' ').next().unwrap_or_default().to_owned();
    StepInfo {
        path: path.to_owned(),
        phase,
        kind,
        name: name.to_owned(),
        place,
        used_at: Vec::new(),
        depth: 0,
        asks: String::new(),
        given: BTreeMap::new(),
    }
}

pub(super) fn step_ended(step: &StepInfo, outcome: Outcome, seconds: f64, faults: Vec<Fault>) -> What {
    What::StepEnded {
        step: step.clone(),
        outcome,
        reason: None,
        seconds,
        parts: BTreeMap::new(),
        outputs: Value::Null,
        cut: Vec::new(),
        faults: faults.into_iter().map(|fault| fault.in_phase(step.phase)).collect(),
        attempts: 1,
        checks: true,
    }
}

pub(super) fn diagnostic(level: Level) -> DiagnosticInfo {
    let word = if level == Level::Error { "error" } else { "warning" };
    DiagnosticInfo {
        level,
        place: place("scenarios/shop.yaml", 12, 11, "    - kill: dbb"),
        message: "unknown service `dbb`".to_owned(),
        help: Some("there is `db`, `web`; did you mean `db`?".to_owned()),
        drawn: format!("{word}: unknown service `dbb`\n  --> scenarios/shop.yaml:12:11\n"),
    }
}

/// A run whose cases end so, in one file.
pub(super) fn run_of(outcomes: &[Outcome]) -> Vec<Event> {
    let cases = (1..=outcomes.len()).map(|number| case(number, "scenarios/all.yaml", &format!("case {number}")));
    let mut events = vec![run_started(cases.collect())];
    for (at, outcome) in outcomes.iter().enumerate() {
        events.push(event(1.0, Some(at + 1), case_started()));
        events.push(event(2.0, Some(at + 1), case_ended(*outcome, 1.0)));
    }
    events.push(run_ended(false, Vec::new()));
    events
}

/// A run with a case of which something could not be found out, something failed, and the cleanup did not work.
pub(super) fn errored_and_failed() -> Vec<Event> {
    let file = "scenarios/both.yaml";
    let step = |path: &str, phase, name, line| step(path, phase, name, place(file, line, 5, &format!("  - {name}")));
    let asked = step("steps[1]", Phase::Steps, "exec db", 4);
    let checked = step("then[1]", Phase::Then, "http get /", 6);
    let afterwards = step("on-failure[1]", Phase::OnFailure, "shell dump", 8);
    let cleaned = step("cleanup[1]", Phase::Cleanup, "shell tidy", 10);
    let exit = || Fault::failure("`exit` is 1");
    let mut lost = Fault::error("the engine did not answer");
    lost.soft = true;
    let ended = |step: &StepInfo, outcome, fault| event(2.0, Some(1), step_ended(step, outcome, 0.5, vec![fault]));
    vec![
        run_started(vec![case(1, file, "both"), case(2, file, "away")]),
        event(1.0, Some(1), case_started()),
        ended(&asked, Outcome::Errored, lost),
        ended(&checked, Outcome::Failed, Fault::failure("`status` is 500")),
        ended(&afterwards, Outcome::Failed, exit()),
        ended(&cleaned, Outcome::Failed, exit()),
        event(3.0, Some(1), case_ended(Outcome::Errored, 2.0)),
        event(3.0, Some(2), case_ended(Outcome::Errored, 0.0)),
        run_ended(false, Vec::new()),
    ]
}

/// A step that ended with this result.
fn wrote(path: &str, phase: Phase, (name, line): (&str, usize), faults: Vec<Fault>, outputs: Value) -> Event {
    let place = place("scenarios/look.yaml", line, 5, &format!("  - {name}"));
    let outcome = if faults.is_empty() {
        Outcome::Passed
    } else {
        Outcome::Failed
    };
    let mut ended = step_ended(&step(path, phase, name, place), outcome, 0.5, faults);
    if let What::StepEnded { outputs: its, .. } = &mut ended {
        *its = outputs;
    }
    event(2.0, Some(1), ended)
}

/// A run with a case that failed, and commands that look why.
pub(super) fn looked_into() -> Vec<Event> {
    let numbers: Vec<String> = (1..=32).map(|number| number.to_string()).collect();
    let failed = |message: &str| vec![Fault::failure(message)];
    let after = Phase::OnFailure;
    vec![
        run_started(vec![case(1, "scenarios/look.yaml", "look")]),
        wrote(
            "steps[1]",
            Phase::Steps,
            ("exec web: ask", 4),
            failed("`exit` is 1"),
            json!({"stdout": "asked"}),
        ),
        wrote(
            "on-failure[1]",
            after,
            ("exec web: dump", 6),
            Vec::new(),
            json!({"stdout": "a\nb\n", "stderr": "c\n"}),
        ),
        wrote(
            "on-failure[2]",
            after,
            ("shell count", 7),
            Vec::new(),
            json!({"stdout": numbers.join("\n"), "stderr": ""}),
        ),
        wrote(
            "on-failure[3]",
            after,
            ("shell bad", 8),
            failed("`exit` is 2"),
            json!({"stdout": "with its fault"}),
        ),
        wrote(
            "on-failure[4]",
            after,
            ("http get /", 9),
            Vec::new(),
            json!({"status": 200, "body": "state: ok"}),
        ),
        wrote(
            "cleanup[1]",
            Phase::Cleanup,
            ("shell tidy", 11),
            Vec::new(),
            json!({"stdout": "tidied"}),
        ),
        event(3.0, Some(1), case_ended(Outcome::Failed, 2.0)),
        run_ended(false, Vec::new()),
    ]
}

/// A run with each outcome once, and all that a report can show.
pub(super) fn shop() -> Vec<Event> {
    let mut shop = case(1, "scenarios/shop.yaml", "shop survives a restart [db=pg15]");
    shop.matrix.insert("db".to_owned(), json!("pg15"));
    shop.tags = vec!["slow".to_owned(), "shop".to_owned()];
    shop.properties.insert("owner".to_owned(), "storage team".to_owned());
    let cases = vec![
        shop,
        case(2, "scenarios/book.yaml", "the guest book keeps its entries"),
        case(3, "scenarios/swarm.yaml", "needs a swarm"),
        case(4, "scenarios/flaky.yaml", "sometimes"),
        case(5, "scenarios/build.yaml", "cannot be built"),
        case(6, "scenarios/empty.yaml", "checks nothing"),
        case(7, "scenarios/known.yaml", "out of disk"),
    ];
    let mut events = vec![run_started(cases)];
    let image = |image: &str, how: &str, error: Option<&str>| What::ImageReady {
        image: image.to_owned(),
        how: how.to_owned(),
        seconds: 12.4,
        error: error.map(str::to_owned),
    };
    events.push(event(1.0, None, image("busybox", "present", None)));
    events.push(event(2.0, None, image("app", "built", None)));
    events.push(event(
        3.0,
        None,
        image("broken", NOT_BUILT, Some("step 2 of 3: exit code 1\nmake: no rule")),
    ));
    events.push(event(
        3.1,
        None,
        What::Note {
            text: "removed what a dead run left: 2 containers".to_owned(),
        },
    ));
    events.extend(passing());
    events.extend(failing());
    events.extend(retried());
    events.extend(others());
    events.push(run_ended(false, Vec::new()));
    events
}

fn passing() -> Vec<Event> {
    let up = step(
        "steps[1]",
        Phase::Steps,
        "up shop",
        place("scenarios/shop.yaml", 9, 5, "  - up: shop"),
    );
    let wait = |observed: &str| What::StepWaiting {
        path: up.path.clone(),
        waits_for: "`db` to be healthy".to_owned(),
        limit: 60.0,
        observed: observed.to_owned(),
    };
    vec![
        event(4.0, Some(1), case_started()),
        event(4.0, Some(1), What::PhaseStarted { phase: Phase::Steps }),
        event(4.0, Some(1), What::StepStarted { step: up.clone() }),
        event(4.5, Some(1), wait("`db` is starting")),
        event(
            5.0,
            Some(1),
            What::Retried {
                path: Some(up.path.clone()),
                text: "port 40123 was taken".to_owned(),
            },
        ),
        event(9.0, Some(1), wait("`db` runs, health: starting")),
        event(16.8, Some(1), step_ended(&up, Outcome::Passed, 12.8, Vec::new())),
        event(17.0, Some(1), case_ended(Outcome::Passed, 13.0)),
    ]
}

fn failing() -> Vec<Event> {
    let line = "    expect: {json: {$.members: {length: 3}}}";
    let up = step(
        "steps[1]",
        Phase::Steps,
        "up book",
        place("scenarios/book.yaml", 7, 5, "  - up: book"),
    );
    let ask = step(
        "then[1]",
        Phase::Then,
        "the list has three members",
        place("scenarios/book.yaml", 12, 5, "  - http: …"),
    );
    let mut text = step(
        "then[2].use[1]",
        Phase::Then,
        "http get /",
        place("templates/page.yaml", 4, 5, "  - http: {get: /}"),
    );
    text.used_at = vec![place("scenarios/book.yaml", 16, 5, "  - use: page")];
    let block = step(
        "then[2]",
        Phase::Then,
        "use page",
        place("scenarios/book.yaml", 16, 5, "  - use: page"),
    );
    let mut members = Fault::failure("`json.$.members` has not the length that was expected")
        .at(place("scenarios/book.yaml", 14, 21, line))
        .detail("last 2 lines of `web`", "GET /members 200\nGET /members 200")
        .hint("`web` was asked until the limit");
    members.expected = Some("length 3".to_owned());
    members.actual = Some("length 2: [\"ann\", \"bob\"]".to_owned());
    let mut page = Fault::failure("`body` is not as expected");
    page.expected = Some("<ul>\n<li>ann</li>\n<li>bob</li>\n</ul>".to_owned());
    page.actual = Some("<ul>\n<li>ann</li>\n</ul>".to_owned());
    let mut asked = step_ended(&ask, Outcome::Failed, 10.0, vec![members]);
    if let What::StepEnded { attempts, .. } = &mut asked {
        *attempts = 47;
    }
    vec![
        event(4.0, Some(2), case_started()),
        event(4.0, Some(2), What::StepStarted { step: up.clone() }),
        event(5.0, Some(2), step_ended(&up, Outcome::Passed, 1.0, Vec::new())),
        event(5.0, Some(2), What::StepStarted { step: ask.clone() }),
        event(15.0, Some(2), asked),
        event(15.0, Some(2), What::StepStarted { step: block.clone() }),
        event(15.0, Some(2), What::StepStarted { step: text.clone() }),
        event(15.1, Some(2), step_ended(&text, Outcome::Failed, 0.1, vec![page])),
        event(15.1, Some(2), step_ended(&block, Outcome::Failed, 0.1, Vec::new())),
        event(15.5, Some(2), case_ended(Outcome::Failed, 11.5)),
    ]
}

fn retried() -> Vec<Event> {
    let ask = step(
        "then[1]",
        Phase::Then,
        "exec db",
        place("scenarios/flaky.yaml", 8, 5, "  - exec: {service: db, command: ask}"),
    );
    let mut fault = Fault::failure("`exit` is not as expected");
    fault.expected = Some("0".to_owned());
    fault.actual = Some("1".to_owned());
    let mut first = case_ended(Outcome::Failed, 2.0);
    if let What::CaseEnded { retried, .. } = &mut first {
        *retried = true;
    }
    vec![
        event(18.0, Some(4), case_started()),
        event(18.0, Some(4), What::StepStarted { step: ask.clone() }),
        event(19.0, Some(4), step_ended(&ask, Outcome::Failed, 1.0, vec![fault])),
        event(20.0, Some(4), first),
        of_try(20.0, Some((4, 2)), case_started()),
        of_try(20.0, Some((4, 2)), What::StepStarted { step: ask.clone() }),
        of_try(21.0, Some((4, 2)), step_ended(&ask, Outcome::Passed, 1.0, Vec::new())),
        of_try(22.0, Some((4, 2)), case_ended(Outcome::Passed, 2.0)),
    ]
}

fn others() -> Vec<Event> {
    let with = |outcome, seconds, why: Option<&str>, faults: Vec<Fault>| What::CaseEnded {
        outcome,
        reason: why.map(str::to_owned),
        seconds,
        parts: BTreeMap::new(),
        faults,
        retried: false,
        started: true,
    };
    let build = Fault::error("cannot build image `broken`")
        .at(place(
            "scenarios/build.yaml",
            4,
            3,
            "  broken: {build: ../fixtures/broken}",
        ))
        .detail("last 2 lines of the build", "step 2 of 3: exit code 1\nmake: no rule");
    vec![
        event(
            17.0,
            Some(3),
            with(
                Outcome::Skipped,
                0.0,
                Some("requires swarm: the engine is in none"),
                Vec::new(),
            ),
        ),
        event(30.0, Some(5), with(Outcome::Errored, 0.0, None, vec![build])),
        event(31.0, Some(6), with(Outcome::NotVerified, 0.5, None, Vec::new())),
        event(
            32.0,
            Some(7),
            with(
                Outcome::KnownIssue,
                1.0,
                Some("not ported yet"),
                vec![Fault::failure("out of disk")],
            ),
        ),
    ]
}

fn measured(text: &str) -> What {
    let path = "then[1]".to_owned();
    let measure = Measure {
        name: text.to_owned(),
        unit: text.to_owned(),
        value: -1e300,
        ..Measure::default()
    };
    What::Measured { path, measure }
}

/// The tests of a suite, of each outcome one.
pub(super) fn tested(text: &str) -> What {
    let outcomes = [Outcome::Passed, Outcome::Failed, Outcome::Errored, Outcome::Skipped];
    let test = |outcome| Test {
        class: text.to_owned(),
        name: text.to_owned(),
        outcome,
        seconds: 0.25,
        message: if outcome == Outcome::Passed { "" } else { text }.to_owned(),
        text: if outcome == Outcome::Failed { text } else { "" }.to_owned(),
    };
    let path = "then[1]".to_owned();
    What::Tested {
        path,
        tests: outcomes.map(test).to_vec(),
    }
}

/// A run in which every text that comes from outside is this one.
pub(super) fn hostile(text: &str) -> Vec<Event> {
    let mut info = case(1, text, text);
    info.tags = vec![text.to_owned()];
    info.properties.insert(text.to_owned(), text.to_owned());
    info.matrix.insert(text.to_owned(), json!(text));
    let at = place(text, 3, 2, text);
    let mut fault = Fault::error(text).at(at.clone()).detail(text, text).hint(text);
    fault.expected = Some(text.to_owned());
    fault.actual = Some(format!("{text}\n{text}"));
    let step = step("then[1]", Phase::Then, text, at);
    let skipped = What::CaseEnded {
        outcome: Outcome::Skipped,
        reason: Some(text.to_owned()),
        seconds: f64::MAX,
        parts: BTreeMap::new(),
        faults: Vec::new(),
        retried: false,
        started: true,
    };
    let mut diagnostic = diagnostic(Level::Warning);
    diagnostic.drawn = text.to_owned();
    diagnostic.message = text.to_owned();
    let mut run = vec![
        event(
            0.0,
            None,
            What::Invalid {
                diagnostics: vec![diagnostic],
                rules: Rules::default(),
            },
        ),
        run_started(vec![info, case(2, text, text), case(3, "other", text)]),
        event(1.0, None, What::Note { text: text.to_owned() }),
        event(1.0, Some(1), What::StepStarted { step: step.clone() }),
        event(1.0, Some(1), What::Kept { text: text.to_owned() }),
        event(1.5, Some(1), measured(text)),
        event(1.5, Some(1), tested(text)),
        event(
            2.0,
            Some(1),
            step_ended(&step, Outcome::Errored, 1.0, vec![fault.clone()]),
        ),
        event(2.0, Some(1), case_ended(Outcome::Errored, 1.0)),
        event(2.0, Some(2), skipped),
        event(3.0, Some(3), What::StepStarted { step }),
        run_ended(true, vec![fault]),
    ];
    for one in &mut run {
        text.clone_into(&mut one.at);
    }
    run
}
