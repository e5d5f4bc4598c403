//! Templates of steps: their parameters, what they return, and from where their paths count.

use super::stage;
use crate::event::What;

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
