//! `for-each`, `do`, `parallel` and `use`; what steps save, and what is hidden.

use super::stage;
use crate::event::What;

#[tokio::test(start_paused = true)]
async fn a_step_is_done_for_each_item_and_what_it_saves_is_a_list() {
    stage(
        "vars: {list: [5, 5]}
steps:
  - {http: 'http://x/${{ it }}', for-each: {it: [a, b]}, save: {bodies: body}}
  - assert: bodies == ['a', 'b']
  - do: [{http: 'http://x/c', save: {inner: body}}]
    for-each: {n: list}
  - assert: inner == ['c', 'c']
  - {assert: n == 5, for-each: {n: list}}
  - {assert: n == 5, for-each: {n: '[]'}}
  - {assert: n == 5, for-each: {n: bodies | first}}
",
    )
    .check(
        "steps[1][it=a] passed
         steps[1][it=b] passed
         steps[2] passed
         steps[3][n=5].do[1] passed
         steps[3][n=5] passed
         steps[3][n=5#2].do[1] passed
         steps[3][n=5#2] passed
         steps[4] passed
         steps[5][n=5] passed
         steps[5][n=5#2] passed
         steps[6] skipped: `for-each` has no items
         steps[7] errored: `for-each` wants a list, and `bodies | first` is \"a\"
         = errored
         exit 3",
    )
    .await;
}

#[tokio::test(start_paused = true)]
async fn what_a_step_saves_for_no_item_is_an_empty_list() {
    stage(
        "steps:
  - {http: 'http://x/a', for-each: {it: '[]'}, save: {bodies: body}}
  - do: [{do: [{http: 'http://x/a', save: {inner: body}}]}]
    for-each: {it: '[]'}
  - assert: bodies == [] and inner == []
",
    )
    .check(
        "steps[1] skipped: `for-each` has no items
         steps[2] skipped: `for-each` has no items
         steps[3] passed
         = passed",
    )
    .await;
}

#[tokio::test(start_paused = true)]
async fn a_failing_round_of_an_action_leaves_the_next_ones_but_not_in_then() {
    stage(
        "then: [{http: 'http://x/${{ it }}', for-each: {it: [bad, b]}}]
on-failure: [{assert: it == 'b', for-each: {it: [a, b]}}]
",
    )
    .answers("bad", &[(0, 404, "no")])
    .scenario(
        "two",
        "steps: [{http: 'http://x/${{ it }}', for-each: {it: [bad, b]}}, {assert: 'true'}]\n",
    )
    .check(
        "1: then[1][it=bad] failed: `status` is 404
         1: then[1][it=b] passed
         1: on-failure[1][it=a] failed: `it == 'b'` is false
         1: on-failure[1][it=b] passed
         1: = failed
         2: steps[1][it=bad] failed: `status` is 404
         2: steps[1][it=b] skipped: not reached: a step before it failed
         2: steps[2] skipped: not reached: a step before it failed
         2: = failed
         exit 1",
    )
    .await;
}

#[tokio::test(start_paused = true)]
async fn a_stale_value_is_not_taken_for_a_saved_one() {
    stage(
        "steps:
  - {http: 'http://x/old', save: {body_now: body}}
  - {http: 'http://x/${{ it }}', for-each: {it: [a, bad, c]}, save: {body_now: body}, soft: true}
  - assert: body_now == ['a', 'c']
",
    )
    .answers("bad", &[(0, 404, "no")])
    .check(
        "steps[1] passed
         steps[2][it=a] passed
         steps[2][it=bad] failed: (soft) `status` is 404
         steps[2][it=c] passed
         steps[3] passed
         = failed
         exit 1",
    )
    .await;
}

#[tokio::test(start_paused = true)]
async fn a_soft_failure_is_told_and_the_phase_goes_on() {
    stage("steps: [{http: 'http://x/bad', soft: true}, {assert: 'true'}]\non-failure: [assert: true]\n")
        .answers("bad", &[(0, 404, "no")])
        .check(
            "steps[1] failed: (soft) `status` is 404
             steps[2] passed
             on-failure[1] passed
             = failed
             exit 1",
        )
        .await;
}

#[tokio::test(start_paused = true)]
async fn steps_are_skipped_by_if_and_skip() {
    stage(
        "vars: {n: 1}
steps:
  - {assert: 'false', if: n == 2}
  - {assert: 'false', skip: [{if: n == 2, reason: no}, {reason: not yet, link: 'http://t/1'}]}
  - {assert: 'true', skip: [{if: n == 2, reason: no}]}
",
    )
    .check(
        "steps[1] skipped: `if: n == 2` is false
         steps[2] skipped: not yet (http://t/1)
         steps[3] passed
         = passed",
    )
    .await;
}

#[tokio::test(start_paused = true)]
async fn lanes_run_at_once_and_fail_after_all_have_ended() {
    stage(
        "steps:
  - parallel:
      a: [{http: 'http://x/bad'}, {assert: 'true'}]
      b: [{http: {get: 'http://x/late'}, within: 5s, save: {late: body}}, {assert: late == 'yes'}]
  - assert: 'true'
then: [assert: 'true']
",
    )
    .answers("bad", &[(0, 404, "no")])
    .answers("late", &[(0, 500, "no"), (3000, 200, "yes")])
    .check(
        "steps[1].parallel.a[1] failed: `status` is 404
         steps[1].parallel.a[2] skipped: not reached: a step before it failed
         steps[1].parallel.b[1] passed
         steps[1].parallel.b[2] passed
         steps[1] failed
         steps[2] skipped: not reached: a step before it failed
         then[1] skipped: not reached: a step before it failed
         = failed
         exit 1",
    )
    .await;
}

#[tokio::test(start_paused = true)]
async fn what_lanes_and_blocks_save_is_there_afterwards() {
    stage(
        "steps:
  - parallel:
      a: [{http: 'http://x/a', save: {a: body}}]
      b: [{http: 'http://x/b', save: {b: body}}]
    save: {both: a ~ b}
  - {assert: a == 'a' and b == 'b' and both == 'ab'}
",
    )
    .check(
        "steps[1].parallel.a[1] passed
         steps[1].parallel.b[1] passed
         steps[1] passed
         steps[2] passed
         = passed",
    )
    .await;
}

#[tokio::test(start_paused = true)]
async fn a_block_has_a_limit_and_what_it_ends_failed() {
    stage("steps: [{do: [{http: 'http://x/never', timeout: 1m}, {assert: 'true'}], timeout: 2s}]\n")
        .answers("never", &[(600_000, 200, "")])
        .check(
            "steps[1].do[1] failed: `do` did not end within 2s
             steps[1].do[2] skipped: not reached: the scenario was ended
             steps[1] failed: `do` did not end within 2s
             = failed
             exit 1",
        )
        .await;
}

const TEMPLATE: &str = "template: ask
parameters: {path: {}, again: {default: '${{ path }}!'}, secret: {default: s3cret, mask: true}}
returns: {body: found, again: again, boom: '1 / n'}
steps:
  - {http: 'http://x/${{ path }}', save: {found: body, n: '1'}}
  - assert: again == path ~ '!'
";

#[tokio::test(start_paused = true)]
async fn a_template_sees_its_parameters_and_gives_back_what_it_returns() {
    let stage = stage(
        "vars: {mine: a}
steps:
  - use: {template: templates/ask.yaml, with: {path: '${{ mine }}'}}
    save: {got_it: 'body ~ again'}
  - assert: got_it == 'aa!'
",
    )
    .file("templates/ask.yaml", TEMPLATE);
    stage
        .check(
            "steps[1].use[1] passed
             steps[1].use[2] passed
             steps[1] passed
             steps[2] passed
             = passed",
        )
        .await;
    let events = stage.events().await;
    let inside = events.iter().find_map(|event| match &event.what {
        What::StepEnded { step, .. } if step.path == "steps[1].use[1]" => Some(step.clone()),
        _ => None,
    });
    let inside = inside.unwrap();
    assert!(inside.place.to_string().ends_with("ask.yaml:5:6"), "{}", inside.place);
    assert!(
        inside.used_at[0].to_string().ends_with("one.yaml:4:21"),
        "{}",
        inside.used_at[0]
    );
}

#[tokio::test(start_paused = true)]
async fn a_fault_of_a_parameter_or_a_result_is_told_with_the_use() {
    stage("steps: [{use: {template: ask.yaml, with: {path: \"${{ port('web', 80) }}\"}}}, {assert: 'true'}, {up: s}]\nstacks: {s: web.yml}\n")
        .file("ask.yaml", TEMPLATE)
        .file("web.yml", "services: {web: {image: busybox, ports: ['80']}}")
        .scenario("two", "steps: [{use: {template: wrong.yaml}}]\n")
        .file("wrong.yaml", "template: wrong\nreturns: {x: '1 / 0'}\nsteps: [assert: 'true']\n")
        .check(
            "image `busybox` present
             1: steps[1] failed: `web` has no container
             1: steps[2] skipped: not reached: a step before it failed
             1: steps[3] skipped: not reached: a step before it failed
             1: = failed
             2: steps[1].use[1] passed
             2: steps[1] errored: unable to calculate 1 / 0
             2: = errored
             exit 1",
        )
        .await;
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
  - {http: 'http://x/tok', save: {id: status.nope, token: body}}
",
    )
    .answers("tok", &[(0, 200, "s3cret")]);
    let told = format!("{:?}", stage.events().await);
    assert!(told.contains("`status` has no `nope`"), "{told}");
    assert!(!told.contains("s3cret"), "{told}");
}

#[tokio::test(start_paused = true)]
async fn a_masked_value_is_hidden_before_a_text_is_cut() {
    // Wherever a cut is made, it goes through one of them.
    let stage = stage(
        "mask: [token]
vars: {token: s3cret-value}
steps:
  - {http: 'http://x/tok', save: {id: status.nope}, soft: true}
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

// Its shell is a real one, and runs in real time.
#[tokio::test]
async fn a_path_is_relative_to_the_file_that_it_is_written_in_a_parameters_value_too() {
    let used = |with: &str| {
        stage(&format!("steps: [{{use: {{template: sub/t.yaml, with: {with}}}}}]\n"))
            .file("mine.txt", "mine")
            .file("sub/own.txt", "own")
            .file("sub/deep/deep.txt", "deep")
            .file(
                "sub/t.yaml",
                "template: t
parameters: {f: {}, d: {}, all: {}, own: {default: own.txt}}
steps:
  - {file-assert: {path: '${{ f }}'}, expect: {text: mine}}
  - {file-assert: {path: '${{ d }}/mine.txt'}, expect: {text: mine}}
  - {file-assert: {path: '${{ own }}'}, expect: {text: own}}
  - {file-assert: {path: '${{ it }}'}, expect: {text: mine}, for-each: {it: all}}
  - {assert: file(f) == 'mine' and file('own.txt') == 'own'}
  - {shell: cat mine.txt, expect: {stdout: mine}}
  - {shell: {command: cat deep.txt, workdir: deep}, expect: {stdout: deep}}
  - use: {template: deep/t.yaml, with: {g: '${{ f }}', h: own.txt}}
",
            )
            .file(
                "sub/deep/t.yaml",
                "template: deep
parameters: {g: {}, h: {}}
steps:
  - {file-assert: {path: '${{ g }}'}, expect: {text: mine}}
  - {file-assert: {path: '${{ h }}'}, expect: {text: own}}
",
            )
    };
    let told = used("{f: ./mine.txt, d: ., all: [mine.txt]}");
    let events = told.events().await;
    assert!(told.told(&events).ends_with("= passed\n"), "{}", told.told(&events));
}

#[tokio::test(start_paused = true)]
async fn equal_paths_in_two_files_are_two_files() {
    let stage = stage("steps: [{use: {template: sub/t.yaml, with: {f: ./x.txt, number: '7'}}}]\n")
        .file("x.txt", "outer")
        .file("sub/x.txt", "inner")
        .file(
            "sub/t.yaml",
            "template: t
parameters: {f: {}, number: {}}
steps:
  - {assert: [file('./x.txt') == 'inner', file(f) == 'outer', 'file( f ) ~ file(\"x.txt\") == \"outerinner\"']}
  - {http: 'http://x/outer', expect: {body: {golden: '${{ f }}'}}}
  - {http: 'http://x/inner', expect: {body: {golden: ./x.txt}}}
",
        );
    let told = stage.told(&stage.events().await);
    assert!(told.ends_with("= passed\n"), "{told}");
}

#[tokio::test(start_paused = true)]
async fn what_fails_in_a_soft_block_is_told_to_be_soft() {
    stage("steps:\n  - {do: [{http: 'http://x/bad'}, {shell: 'true'}], soft: true}\n  - assert: 'true'\n")
        .answers("bad", &[(0, 404, "no")])
        .check(
            "steps[1].do[1] failed: (soft) `status` is 404
             steps[1].do[2] skipped: not reached: a step before it failed
             steps[1] failed
             steps[2] passed
             = failed
             exit 1",
        )
        .await;
}

#[tokio::test(start_paused = true)]
async fn a_parameters_path_is_looked_for_where_it_was_written() {
    let stage = stage(
        "stacks: {s: web.yml}
given: [up: s]
steps: [{use: {template: sub/t.yaml, with: {src: mine.txt}}}, {assert: 'true'}]
",
    )
    .file("mine.txt", "mine")
    .file(
        "sub/t.yaml",
        "template: t
parameters: {src: {}}
steps: [{use: {template: deep/t.yaml, with: {from: '${{ src }}'}}}]
",
    )
    .file(
        "sub/deep/t.yaml",
        "template: deep
parameters: {from: {}}
steps: [{copy: {from: '${{ from }}', to: 'web:/there.txt'}}]
",
    );
    let told = stage.told(&stage.events().await);
    assert!(told.contains("steps[1].use[1].use[1] passed"), "{told}");
}
