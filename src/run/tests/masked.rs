//! What is hidden is hidden from the first moment on, and in all that a run writes.

use super::{Stage, stage};
use crate::engine::fake::Script;
use crate::event::What;

async fn told(stage: &Stage) -> (String, String) {
    let events = stage.events().await;
    let told = stage.told(&events).trim_end().to_owned();
    (told, serde_json::to_string(&events).unwrap())
}

// On the real clock: a paused one runs to the limits of what reads files while that works.
#[tokio::test]
async fn a_log_and_a_stacks_files_are_hidden_while_the_case_runs_and_what_steps_and_tools_read_is_not() {
    let stage = stage(
        "secrets: {word: {content: open-sesame}}\nvars: {logs: \"${{ scenario.dir }}/results/001-one\"}\n\
         stacks: {s: {compose: vault.yml, substitute: {text: [{from: WORD, to: \"${{ secrets.word }}\"}]}}}\n\
         steps:\n\
         - up: s\n\
         - {log-assert: {service: web, contains: \"says ${{ secrets.word }}\"}, within: 10s}\n\
         - {file-assert: \"${{ logs }}/logs/s.web-1.log\", expect: {text: {matches: \"says \\\\*\\\\*\\\\*\\n$\"}}, within: 10s}\n\
         - {file-assert: \"${{ logs }}/stacks/s/vault.yml\", expect: {text: {matches: \"label: '?\\\\*\\\\*\\\\*\"}}}\n\
         - {file-assert: \"${{ scenario.dir }}/hidden/testrun-1-1/stacks/s/vault.yml\", expect: {text: {contains: open-sesame}}}\n",
    )
    .file(
        "vault.yml",
        "services: {web: {image: busybox, secrets: [word], labels: {label: WORD}}}\nsecrets: {word: {external: true}}\n",
    )
    .engine(|fake| {
        fake.script("web", Script::new().out("says open-sesame\n"));
    });
    let (told, events) = told(&stage).await;
    assert!(told.ends_with("= passed") && !events.contains("sesame"), "{told}");
    assert!(!stage.folder.path().join("hidden/testrun-1-1").exists());
    stage.fake.assert_clean();
}

#[tokio::test]
async fn what_is_masked_late_is_hidden_in_the_rest_of_a_log_and_in_what_stood_there() {
    let stage = stage(
        "mask: [word]\nstacks: {s: web.yml}\nvars: {log: \"${{ scenario.dir }}/results/001-one/logs/s.web-1.log\"}\n\
         steps:\n\
         - up: s\n\
         - {log-assert: {service: web, contains: first}, within: 10s}\n\
         - {shell: \"printf 'late-%s' word\", save: {word: stdout}}\n\
         - {log-assert: {service: web, contains: second late-word}, within: 10s}\n\
         - {file-assert: \"${{ log }}\", expect: {text: {matches: \"^first \\\\*\\\\*\\\\*\\nsecond \\\\*\\\\*\\\\*\\n\"}}, within: 10s}\n",
    )
    .engine(|fake| {
        let script = Script::new().out("first late-word\n").after_ms(2000).out("second late-word\n");
        fake.script("web", script);
    });
    let (told, _) = told(&stage).await;
    assert!(told.ends_with("= passed"), "{told}");
    let log = stage.folder.path().join("results/001-one/logs/s.web-1.log");
    assert_eq!(std::fs::read_to_string(log).unwrap(), "first ***\nsecond ***\n");
}

#[tokio::test]
async fn a_secret_of_one_case_is_hidden_in_the_others_and_in_what_a_retry_tells() {
    let stage = stage(
        "matrix: {word: [alpha-word, beta-word]}\nsecrets: {pass: {content: \"x ${{ matrix.word }}\"}, none: {content: \"${{ random(12) }}\"}}\n\
         stacks: {s: vault.yml}\nretries: 1\n\
         steps: [{shell: \"cat kept; echo ${{ secrets.none }} >> kept; echo x alpha-word x beta-word; exit 1\"}]\n",
    )
    .scenario(
        "two",
        "steps: [{shell: \"cat kept; echo x alpha-word, x beta-word\", expect: {stdout: nothing}}]\n",
    )
    .file(
        "vault.yml",
        "services: {web: {image: busybox, secrets: [pass, none]}}\nsecrets: {pass: {external: true}, none: {external: true}}\n",
    );
    let (told, events) = told(&stage).await;
    assert!(told.contains("= failed"), "{told}");
    assert!(!events.contains("x alpha") && !events.contains("x beta"), "{events}");
    assert!(!events.contains("001-one-"), "{events}");
    let kept = std::fs::read_to_string(stage.folder.path().join("kept")).unwrap_or_default();
    for line in kept.lines() {
        assert!(!events.contains(line), "{line}: {events}");
    }
    assert_eq!(kept.lines().count(), 4, "{kept}");
}

#[tokio::test]
async fn what_the_command_line_gives_to_a_secret_is_hidden_by_itself() {
    let stage = stage(
        "vars: {pw: none, length: 4, login: \"anna:${{ pw }}\", other: none}\n\
         secrets: {login: {content: \"https://${{ login }}@x/${{ random(length | int) }}\"}}\n\
         stacks: {s: vault.yml}\nsteps: [{shell: 'echo open-sesame', expect: {stdout: shut-sesame}}]\n",
    )
    .file(
        "vault.yml",
        "services: {web: {image: busybox, secrets: [login]}}\nsecrets: {login: {external: true}}\n",
    )
    .given("pw", "open-sesame")
    .given("length", "8")
    .given("other", "another-word");
    let (_, events) = told(&stage).await;
    assert!(!events.contains("open-sesame"), "{events}");
    for shown in [
        "--set=pw=***",
        "--set=length=8",
        "--set=other=another-word",
        "shut-sesame",
    ] {
        assert!(events.contains(shown), "{shown}: {events}");
    }
}

#[tokio::test]
async fn a_short_secret_is_hidden_in_its_own_case_alone() {
    let stage = stage(
        "secrets: {pin: {content: '42'}}\nstacks: {s: vault.yml}\nsteps: [{shell: 'echo a 42 b', expect: {stdout: x}}]\n",
    )
    .scenario("two", "steps: [{shell: 'echo c 42 d', expect: {stdout: x}}]\n")
    .file(
        "vault.yml",
        "services: {web: {image: busybox, secrets: [pin]}}\nsecrets: {pin: {external: true}}\n",
    );
    let (_, events) = told(&stage).await;
    assert!(!events.contains("a 42") && events.contains("c 42 d"), "{events}");
}

#[tokio::test]
async fn a_name_that_is_looked_for_tells_no_part_of_what_is_hidden() {
    let (told, events) = told(&stage(
        "mask: [word]\nsteps:\n\
         - {shell: \"printf 'Ses%s/Do%s.7' ame or\", save: {word: stdout}}\n\
         - {exec: {service: \"${{ word }}\", command: 'true'}}\n",
    ))
    .await;
    let events = events.to_lowercase();
    assert!(told.contains("there is no `***`"), "{told}");
    assert!(!events.contains("sesame") && !events.contains("door"), "{events}");
}

#[tokio::test(start_paused = true)]
async fn what_is_hidden_is_not_measured() {
    stage("vars: {took: '1234.5'}\nmask: [took]\nthen: [{measure: {name: a, value: \"${{ took }}\", unit: s}}]\n")
        .check(
            "then[1] errored: what is hidden cannot be measured: the value would stand in the reports
         = errored
         exit 3",
        )
        .await;
}

#[tokio::test]
async fn a_run_finds_the_scenarios_secrets_where_services_have_them() {
    let body = "secrets: {word: {content: open-sesame}, other: {content: other-word}}\n\
         steps:\n- {run: {image: busybox, command: [work], secrets: [word, other]}}\n";
    let calls = async |stage: Stage, beginning: &str| {
        let (told, _) = told(&stage).await;
        assert!(told.contains("steps[1] passed"), "{told}");
        let journal = stage.fake.journal().into_iter();
        journal.filter(|call| call.contains(beginning)).count()
    };
    let script = || Script::new().exit(0);
    let here = stage(body).engine(|fake| {
        fake.script("busybox", script());
    });
    assert_eq!(calls(here, "write_archive").await, 0);
    let elsewhere = stage(body).elsewhere().engine(|fake| {
        fake.script("busybox", script());
    });
    assert_eq!(calls(elsewhere, "write_archive").await, 2);
}

#[tokio::test]
async fn a_name_that_holds_a_secret_is_hidden_in_the_results_folders_too() {
    let stage = stage(
        "matrix: {word: [alpha-word]}\nsecrets: {a: {content: \"${{ matrix.word }}\"}, b: {content: beta-word}}\n\
         stacks: {s: vault.yml}\nsteps: [assert: 1 == 1]\n",
    )
    .scenario(
        "about-beta-word",
        "secrets: {b: {content: beta-word}}\nstacks: {s: vault.yml}\nsteps: [assert: 1 == 1]\n",
    )
    .file(
        "vault.yml",
        "services: {web: {image: busybox, secrets: [a, b]}}\nsecrets: {a: {environment: X}, b: {environment: X}}\n",
    );
    let (_, events) = told(&stage).await;
    assert!(!events.contains("alpha-word"), "{events}");
    let folders = std::fs::read_dir(stage.folder.path().join("results")).unwrap();
    let folders = folders.map(|entry| entry.unwrap().file_name().into_string().unwrap());
    let mut folders: Vec<String> = folders.filter(|name| name.starts_with("00")).collect();
    folders.sort();
    assert_eq!(folders, ["001-one", "002-about"]);
}

#[tokio::test]
async fn a_secret_that_is_no_text_is_delivered_as_it_is_and_told_in_no_form() {
    let bytes = b"\xff\xfe\x00key\x80of nobody";
    let stage = stage(
        "secrets: {key: {file: key.bin}}\nstacks: {s: vault.yml}\nsteps:\n- up: s\n\
         - {shell: 'cat hidden/testrun-1-1/secret-key; base64 key.bin; od -An -tx1 key.bin; cmp hidden/testrun-1-1/secret-key key.bin; exit 1'}\n",
    )
    .file(
        "vault.yml",
        "services: {web: {image: busybox, secrets: [key]}}\nsecrets: {key: {external: true}}\n",
    );
    std::fs::write(stage.folder.path().join("key.bin"), bytes).unwrap();
    let (told, events) = told(&stage).await;
    assert!(told.contains("steps[1] passed") && !events.contains("differ"), "{told}");
    for form in ["of nobody", "//4Aa2V5", "ff fe 00"] {
        assert!(!events.contains(form), "{form}: {events}");
    }
}

/// A stack with secrets of its own, and one that a step makes.
const OWN: &str = "services: {web: {image: busybox, secrets: [file, text, pin, made], labels: {of: word-of-text}}}\n\
    secrets: {file: {file: word.txt}, text: {environment: TEXT}, pin: {environment: PIN}, made: {file: made.txt}}\n";

// On the real clock: a paused one runs to the limits of what reads files while that works.
#[tokio::test]
async fn what_a_stacks_own_secrets_hold_is_hidden_as_a_scenarios_are() {
    let stage = stage(
        "stacks: {s: {compose: own.yml, env: {TEXT: word-of-text, PIN: '42'}}}\nvars: {case: \"${{ scenario.dir }}/results/001-one\"}\n\
         steps:\n\
         - {shell: 'printf word-that-%s made > made.txt'}\n\
         - up: s\n\
         - {shell: 'echo word-of-file, word-of-text 42; cat made.txt', expect: {stdout: {contains: word-that-made}}}\n\
         - {file-assert: \"${{ case }}/stacks/s/own.yml\", expect: {text: {matches: \"of: '?\\\\*\\\\*\\\\*\"}}}\n\
         - {file-assert: \"${{ scenario.dir }}/hidden/testrun-1-1/stacks/s/own.yml\", expect: {text: {contains: 'of: word-of-text'}}}\n\
         - {shell: 'printf a-changed-%s word > word.txt; echo d-word-of-file word-of-text 42; cat made.txt', expect: {stdout: x}}\n",
    )
    .scenario("two", "steps: [{shell: 'cat made.txt; echo word-of-file word-of-text c 42 d', expect: {stdout: x}}]\n")
    .file("own.yml", OWN)
    .file("word.txt", "word-of-file\n");
    let (told, events) = told(&stage).await;
    assert!(
        told.contains("steps[5] passed") && told.contains("steps[6] failed"),
        "{told}"
    );
    for hidden in ["word-of-file", "word-of-text", "word-that-made"] {
        assert!(!events.contains(hidden), "{hidden}: {events}");
    }
    assert!(
        events.contains("d-*** *** ***") && events.contains("c 42 d"),
        "{events}"
    );
    let case = stage.folder.path().join("results/001-one");
    assert!(case.join("stacks/s/own.yml").exists());
    assert!(!stage.folder.path().join("hidden/testrun-1-1").exists());
    stage.fake.assert_clean();
}

#[tokio::test]
async fn a_secret_that_changed_or_was_made_after_the_stack_came_up_is_hidden_at_the_end() {
    let stage = stage(
        "stacks: {s: {compose: own.yml, env: {TEXT: word-of-text, PIN: '42'}}}\nsteps:\n- up: s\n\
         - {shell: 'printf word-that-%s made > made.txt', expect: {exit: 0}}\n\
         - {copy: {content: \"${{ 'word-that-' + 'made' }}\", to: results/001-one/kept.txt}}\n",
    )
    .file("own.yml", OWN)
    .file("made.txt", "another")
    .file("word.txt", "word-of-file\n");
    let (told, _) = told(&stage).await;
    let kept = stage.folder.path().join("results/001-one/kept.txt");
    assert_eq!(std::fs::read_to_string(kept).unwrap(), "***", "{told}");
}

#[tokio::test]
async fn a_secret_whose_path_is_known_late_is_read_again_at_the_end() {
    let stage = stage(
        "stacks: {s: {compose: own.yml, substitute: {host-paths: {./word.txt: \"${{ folder }}/late.txt\"}}}}\nsteps:\n\
         - {shell: pwd, save: {folder: stdout}}\n- up: s\n\
         - {shell: 'printf word-that-%s changed > late.txt', expect: {exit: 0}}\n\
         - {copy: {content: \"${{ 'word-that-' + 'changed, first-word' }}\", to: results/001-one/kept.txt}}\n",
    )
    .file(
        "own.yml",
        "services: {web: {image: busybox, secrets: [word]}}\nsecrets: {word: {file: ./word.txt}}\n",
    )
    .file("late.txt", "first-word\n")
    .file("word.txt", "word-of-file\n");
    let (told, _) = told(&stage).await;
    let kept = stage.folder.path().join("results/001-one/kept.txt");
    assert_eq!(std::fs::read_to_string(kept).unwrap(), "***, ***", "{told}");
}

#[tokio::test(start_paused = true)]
async fn a_masked_value_is_hidden_in_its_own_step_and_everywhere() {
    let stage = stage(
        "mask: [token, passed_one]
vars: {passed_one: passed}
steps:
  - {http: 'http://x/tok', save: {token: body, n: status}}
  - {assert: token == 'x', soft: true, name: 'with ${{ token }}'}
  - {assert: it == token, for-each: {it: ['${{ token }}']}}
",
    )
    .answers("tok", &[(0, 200, "s3cret")]);
    stage
        .check(
            "steps[1] passed
             steps[2] failed: (soft) `token == 'x'` is false
             steps[3][it=***] passed
             = failed
             exit 1",
        )
        .await;
    let told = format!("{:?}", stage.events().await);
    assert!(!told.contains("s3cret"), "{told}");
    assert!(told.contains("String(\"***\")"), "{told}");
}

#[tokio::test(start_paused = true)]
async fn a_masked_value_is_hidden_where_another_cannot_be_saved() {
    let stage = stage(
        "mask: [token]
steps:
  - {http: 'http://x/tok', save: {id: headers.nope, token: body}}
",
    )
    .answers("tok", &[(0, 200, "s3cret")]);
    let told = format!("{:?}", stage.events().await);
    assert!(told.contains("`headers` has no `nope`"), "{told}");
    assert!(!told.contains("s3cret"), "{told}");
}

#[tokio::test(start_paused = true)]
async fn a_masked_value_is_hidden_before_a_text_is_cut() {
    // Wherever a cut is made, it goes through one of them.
    let stage = stage(
        "mask: [token]
vars: {token: s3cret-value}
steps:
  - {http: 'http://x/tok', save: {id: json.nope}, soft: true}
  - {http: 'http://x/tok', expect: {status: 404}}
",
    )
    .answers("tok", &[(0, 200, "s3cret-value".repeat(20_000).leak())]);
    let told = format!("{:?}", stage.events().await);
    assert!(told.contains("bytes left out"), "{told}");
    assert!(!told.contains("s3") && !told.contains("ue\n"), "{told}");
}

#[tokio::test(start_paused = true)]
async fn what_one_scenario_hides_is_no_matter_of_the_others() {
    let stage = stage("mask: [word]\nvars: {word: one}\nsteps: [{assert: 'true', name: one}]\n").scenario(
        "two",
        "mask: [word]\nvars: {word: passed}\nsteps: [{assert: 'true', name: 'one passed'}]\n",
    );
    let events = stage.events().await;
    let names: Vec<String> = events
        .iter()
        .filter_map(|event| match &event.what {
            What::RunStarted { cases, .. } => Some(
                cases
                    .iter()
                    .map(|case| format!("{} {} ", case.file, case.name))
                    .collect(),
            ),
            What::StepEnded { step, .. } => Some(step.name.clone()),
            _ => None,
        })
        .collect();
    assert_eq!(names, ["one.yaml *** two.yaml two ", "***", "one ***"]);
}

#[tokio::test(start_paused = true)]
async fn what_the_project_hides_is_hidden_in_every_scenario() {
    let stage = stage("steps: [{assert: 'true', name: 's3cret'}]\n")
        .file("e2erun.yaml", "mask: [token]\nvars: {token: s3cret}\n")
        .scenario("two", "steps: [{assert: 'true', name: 'a s3cret'}]\n");
    let told = format!("{:?}", stage.events().await);
    assert!(!told.contains("s3cret"), "{told}");
}
