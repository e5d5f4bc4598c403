//! The status line, while there is one.

use snapbox::{IntoData, str};

use crate::report::{Reporters, Settings, sample};

#[test]
fn the_status_says_what_is_waited_for_and_since_when() {
    let mut reporters = Reporters::new(&Settings::default());
    let status = |reporters: &Reporters, at: f64| -> String {
        reporters
            .status(at, 160)
            .iter()
            .map(|line| line.text() + "\n")
            .collect()
    };
    let events = sample::shop();
    let mut shown = Vec::new();
    for (until, at) in [
        (2.5, 2.7),
        (4.6, 4.8),
        (9.5, 12.0),
        (15.2, 15.2),
        (20.5, 20.6),
        (99.0, 99.0),
    ] {
        let told = reporters
            .tally()
            .runs
            .values()
            .map(|run| run.seconds)
            .fold(-1.0, f64::max);
        for event in events
            .iter()
            .filter(|event| event.elapsed > told && event.elapsed <= until)
        {
            reporters.event(event);
        }
        shown.push(status(&reporters, at));
    }
    snapbox::assert_data_eq!(shown.join("--\n"), str![[r#"
   preparing       3s  0 of 7 done, 2 images ready
--
     running       5s  0 of 7 done
                   1s  shop survives a restart [db=pg15]  up shop  waits for `db` to be healthy, 0s of 60s: `db` is starting
                   1s  the guest book keeps its entries  up book  1s
--
     running      12s  0 of 7 done
                   8s  shop survives a restart [db=pg15]  up shop  waits for `db` to be healthy, 8s of 60s: `db` runs, health: starting
                   8s  the guest book keeps its entries  the list has three members  7s
--
     running      15s  0 of 7 done
                  11s  shop survives a restart [db=pg15]  up shop  waits for `db` to be healthy, 11s of 60s: `db` runs, health: starting
                  11s  the guest book keeps its entries  starts
--
     running      21s  3 of 7 done, 1 failed
                   1s  sometimes (try 2)  exec db  1s
--

"#]].raw());
}

#[test]
fn a_narrow_terminal_keeps_what_is_waited_for_and_since_when() {
    let mut reporters = Reporters::new(&Settings::default());
    for event in sample::shop().iter().filter(|event| event.elapsed <= 9.5) {
        reporters.event(event);
    }
    let shown = [110, 80, 50].map(|width| {
        let lines = reporters.status(12.0, width).into_iter().skip(1);
        let lines: Vec<String> = lines.map(|line| line.text()).collect();
        assert!(lines.iter().all(|line| line.chars().count() <= width), "{lines:#?}");
        lines.join("\n") + "\n"
    });
    snapbox::assert_data_eq!(
        shown.join("--\n"),
        str![[r#"
                   8s  shop survives a restart [db=pg15]  up shop  waits for `db` to be healthy, 8s of 60s
                   8s  the guest book keeps its entries  the list has three members  7s
--
                   8s  shop survi…t [db=pg15]  waits for `db` to be …, 8s of 60s
                   8s  the guest book keeps its entries  the list has three…  7s
--
                   8s  waits for `db` …, 8s of 60s
                   8s  the guest … its entries  7s

"#]]
        .raw()
    );
}
