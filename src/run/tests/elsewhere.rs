//! What is on this machine, and an engine that is on another one.

use std::sync::Arc;
use std::time::Duration;

use super::{Stage, stage};
use crate::diagnostic::Level;
use crate::engine::Reason;
use crate::engine::fake::Reply;
use crate::event::What;
use crate::host::{Host, NoGroups, RealHost};

const ON_ANOTHER: &str = "is on this machine, the engine is on another one (`engine.test`), and";

/// The steps for an engine of another machine, with a stack `s` of that text.
fn of(stack: &str, steps: &str, text: &str) -> Stage {
    stage(&format!("stacks: {{s: {stack}}}\nsteps: [{steps}]\n"))
        .file("app.yml", text)
        .elsewhere()
}

async fn check(stage: Stage, expected: &str) {
    stage
        .check(&format!("image `busybox` present\n{expected}\nexit 3"))
        .await;
}

#[tokio::test(start_paused = true)]
async fn a_swarm_stack_that_mounts_what_is_here_is_not_deployed() {
    let text =
        "services: {web: {image: busybox, volumes: ['.:/here', /proc:/proc, 'disk:/disk']}}\nvolumes: {disk: {}}\n";
    check(
        of("{swarm: app.yml}", "deploy: s", text),
        &format!("steps[1] errored: `.` {ON_ANOTHER} nothing is copied to the nodes of a swarm\n= errored"),
    )
    .await;
}

#[tokio::test(start_paused = true)]
async fn the_docker_tool_hands_a_swarm_its_secrets() {
    let text = "services: {web: {image: busybox, secrets: [key]}}\nsecrets: {key: {file: ./app.yml}}\n";
    check(
        of("{swarm: app.yml}", "deploy: s", text),
        "steps[1] errored: `s` cannot be deployed: the engine is in no swarm
         = errored",
    )
    .await;
}

#[tokio::test(start_paused = true)]
async fn a_volume_that_is_made_of_what_is_here_is_refused_though_nothing_else_is() {
    let text = "services: {web: {image: busybox, volumes: ['disk:/disk', 'far:/far']}}
volumes:
  disk: {driver_opts: {type: none, o: bind, device: ./disk}}
  far: {driver_opts: {type: none, o: bind, device: /nowhere/data}}
";
    check(
        of("app.yml", "up: s", text),
        &format!(
            "note: …/app.yml:4:52: `/nowhere/data` is not on this machine: `web` gets that of the engine's machine
             steps[1] errored: `./disk` {ON_ANOTHER} a volume that is made of a path is not copied
             = errored"
        ),
    )
    .await;
}

#[tokio::test(start_paused = true)]
async fn a_path_that_only_the_engine_has_stays_as_it_is() {
    let text = "services: {web: {image: busybox, volumes: ['/nowhere/data:/data']}}\n";
    let stage = of("app.yml", "up: s", text);
    stage
        .check(
            "image `busybox` present
             note: …/app.yml:1:44: `/nowhere/data` is not on this machine: `web` gets that of the engine's machine
             steps[1] passed
             = not verified",
        )
        .await;
    let copies = stage.folder.path().join("results");
    let copies = walk(&copies);
    let copy = copies.iter().find(|text| text.contains("services:"));
    assert!(
        copy.is_some_and(|text| text.contains("/nowhere/data:/data")),
        "{copies:?}"
    );
}

#[tokio::test(start_paused = true)]
async fn its_ports_are_reached_at_that_machine() {
    let text = "services: {web: {image: busybox, ports: ['80']}}\n";
    let steps = "up: s, \
        assert: [\"address('web') == 'engine.test'\", \"url('web', 80) == 'http://engine.test:' ~ port('web', 80)\"], \
        {http: \"${{ url('web', 80) }}\", expect: {body: {matches: '^engine[.]test:[0-9]+$'}}}";
    let stage = of("app.yml", steps, text);
    let passed = "steps[1] passed\nsteps[2] passed\nsteps[3] passed\n= passed";
    stage.check(&format!("image `busybox` present\n{passed}")).await;
}

/// The texts of all copies of compose files below a folder.
fn walk(folder: &std::path::Path) -> Vec<String> {
    let entries = std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path());
    let texts = entries.flat_map(|path| match path.extension() {
        _ if path.is_dir() => walk(&path),
        Some(end) if end == "yml" => vec![std::fs::read_to_string(&path).unwrap()],
        _ => Vec::new(),
    });
    texts.collect()
}

#[tokio::test(start_paused = true)]
async fn a_container_of_a_step_mounts_only_what_the_engine_has() {
    for (mount, refused) in [
        ("./www", true),
        ("'${{ scratch }}/made'", true),
        ("/etc", true),
        ("/nowhere/data", false),
        ("/proc", false),
    ] {
        let volume = format!(
            "{}:/x{}",
            mount.trim_end_matches('\''),
            if mount.ends_with('\'') { "'" } else { "" }
        );
        let stage = stage(&format!("steps: [run: {{image: busybox, volumes: [{volume}]}}]\n")).elsewhere();
        let told = stage.told(&stage.events().await);
        let says = told.contains("is on this machine, and the engine is on another one (`engine.test`)");
        assert_eq!(says, refused, "{mount}: {told}");
    }
}

/// The warnings that a scenario has before it runs, each with its place.
fn warned(stage: &Stage) -> Vec<String> {
    let (jobs, _) = stage.prepared(&stage.settings());
    let told = jobs[0].plan.notes.iter();
    let told = told.filter(|note| note.level == Level::Warning && !note.message.contains("checks nothing"));
    let folder = stage.folder.path().display().to_string();
    let shown = told.map(|note| format!("{} {}", note.span.place(), note.message).replace(&folder[1..], "…"));
    shown.collect()
}

#[test]
fn what_an_engine_elsewhere_cannot_have_is_told_before_anything_starts_all_of_it() {
    let text = "services:
  web:
    image: busybox
    read_only: true
    volumes: ['disk:/disk', './one.conf:/etc/one.conf', './www:/www', '~other/x:/x', '/:/all', '/nowhere/data:/data']
    configs: [said]
volumes:
  disk: {driver_opts: {type: none, o: bind, device: ./disk}}
configs:
  said: {content: x}
";
    let stage = of("app.yml", "up: s", text).file("one.conf", "").file("www/page", "");
    let expected = [
        format!("…/app.yml:5:29 `./one.conf` {ON_ANOTHER} nothing can be put into `web`, which is `read_only`"),
        format!(
            "…/app.yml:5:71 `~other/x` {ON_ANOTHER} it cannot be copied: whose home it is in is not known: that of who runs \
             this is `~/…`, where `HOME` is set"
        ),
        format!("…/app.yml:5:86 `/` {ON_ANOTHER} it cannot be copied: it is this whole machine"),
        "…/app.yml:6:15 the config `said` is to be put into the container, and nothing can be put into `web`, which is \
         `read_only`"
            .to_owned(),
        format!("…/app.yml:8:53 `./disk` {ON_ANOTHER} a volume that is made of a path is not copied"),
    ];
    let mut told = warned(&stage);
    told.sort();
    assert_eq!(told, expected);
    let here = Stage {
        elsewhere: false,
        ..stage
    };
    assert_eq!(warned(&here), Vec::<String>::new());
}

#[test]
fn what_a_step_may_not_do_is_not_told_of_an_engine_elsewhere() {
    let text = "services: {web: {image: busybox, volumes: ['.:/here']}}\n";
    let stage = of("{swarm: app.yml}", "{deploy: s, if: \"run.id == 'x'\"}", text);
    assert_eq!(warned(&stage), Vec::<String>::new());
    let stage = of("{swarm: app.yml}", "deploy: s", text);
    assert_eq!(
        warned(&stage),
        [format!(
            "…/app.yml:1:44 `.` {ON_ANOTHER} nothing is copied to the nodes of a swarm"
        )]
    );
}

#[test]
fn the_mounts_of_a_container_of_a_step_are_told_before_it_runs() {
    let steps = "steps: [run: {image: busybox, volumes: ['./a:/a', '${{ scratch }}/b:/b', '/nowhere/c:/c', 'd:/d', '/dev:/dev']}]\n";
    let stage = stage(steps).elsewhere();
    let told: Vec<String> = warned(&stage)
        .into_iter()
        .map(|told| told.split(' ').next().unwrap().to_owned())
        .collect();
    assert_eq!(told, ["one.yaml:2:41", "one.yaml:2:51"]);
}

#[tokio::test(start_paused = true)]
async fn what_a_file_says_itself_is_put_into_the_container_before_it_starts() {
    let text = "services: {web: {image: busybox, configs: [said]}}\nconfigs: {said: {content: 'by ${WHO}'}}\n";
    let stage = of("{compose: app.yml, env: {WHO: us}}", "up: s", text);
    stage
        .check("image `busybox` present\nsteps[1] passed\n= not verified")
        .await;
    let journal = stage.fake.journal();
    assert!(
        journal.iter().any(|call| call.starts_with("write_archive ")),
        "{journal:?}"
    );
    let copies = walk(&stage.folder.path().join("results"));
    assert!(copies.iter().any(|text| text.contains("configs: []")), "{copies:?}");
}

#[tokio::test(start_paused = true)]
async fn how_to_look_speaks_to_the_engine_that_was_meant() {
    let stage = stage("stacks: {s: web.yml}\nkeep: always\nsteps: [up: s]\nthen: [assert: true]\n").elsewhere();
    let events = stage.events().await;
    let kept = events.iter().find_map(|event| match &event.what {
        What::Kept { text } => Some(text.as_str()),
        _ => None,
    });
    let kept = kept.unwrap();
    assert!(
        kept.contains("\n  docker --host ssh://core@engine.test exec -it "),
        "{kept}"
    );
    assert!(
        kept.contains("\nremove it: e2erun gc --docker ssh://core@engine.test --label e2erun.case="),
        "{kept}"
    );
}

#[tokio::test(start_paused = true)]
async fn what_is_made_for_copying_goes_with_the_step_that_is_cut() {
    let program = RealHost::new(Arc::new(NoGroups)).program().await.unwrap();
    let steps = "steps: [{up: s, timeout: 2s}]\non-failure: [run: {image: busybox}]\n";
    let stage = stage(&format!("stacks: {{s: app.yml}}\n{steps}"))
        .file("app.yml", "services: {web: {image: busybox, volumes: ['./a:/a']}}\n")
        .file("a/x", "")
        .elsewhere();
    let stage = stage.engine(|fake| {
        fake.image(&crate::step::inside::image(&program));
        fake.call("write_archive", 1, Reply::Hang);
    });
    let told = stage.told(&stage.events().await);
    let journal = stage.fake.journal();
    let removed = journal.iter().position(|call| call.starts_with("remove "));
    let next = journal.iter().rposition(|call| call == "create");
    assert!(removed < next && removed.is_some(), "{told}{journal:?}");
    stage.fake.assert_clean();
}

#[tokio::test(start_paused = true)]
async fn of_what_cannot_be_copied_the_first_is_told() {
    let program = RealHost::new(Arc::new(NoGroups)).program().await.unwrap();
    let text = "services: {web: {image: busybox, volumes: ['./a:/a', './b:/b']}}\n";
    let stage = of("app.yml", "up: s", text)
        .file("a/x", "")
        .file("b/x", "")
        .engine(|fake| {
            fake.image(&crate::step::inside::image(&program));
            fake.call("write_archive", 1, Reply::Fail(Reason::Other, "no space left"));
            fake.call("remove", 1, Reply::Fail(Reason::Other, "stuck"));
        });
    let told = stage.told(&stage.events().await);
    assert!(told.contains("no space left") && !told.contains("stuck"), "{told}");
    let written = stage
        .fake
        .journal()
        .into_iter()
        .filter(|call| call.starts_with("write_archive"));
    assert_eq!(written.count(), 1);
    stage.fake.assert_clean();
}

// On the real clock: a paused one runs to the limits of what commands on this machine do.
#[tokio::test]
async fn what_is_changed_here_is_copied_again_at_the_next_up_also_into_what_runs() {
    let program = RealHost::new(Arc::new(NoGroups)).program().await.unwrap();
    let text = "services:
  web: {image: busybox, volumes: ['./one.conf:/etc/one.conf', './www:/www'], configs: [said]}
configs: {said: {content: x}}
";
    let steps = "
  - up: s
  - copy: {content: theirs, to: 'web:/etc/one.conf'}
  - up: s
  - file-assert: {path: 'web:/etc/one.conf'}
    expect: {text: theirs}
  - copy: {content: new, to: one.conf}
  - shell: mv www/page www/other
  - up: s
  - file-assert: {path: 'web:/etc/one.conf'}
    expect: {text: new}
";
    let stage = stage(&format!("stacks: {{s: app.yml}}\nsteps:{steps}"))
        .file("app.yml", text)
        .file("one.conf", "old")
        .file("www/page", "old")
        .elsewhere()
        .engine(|fake| {
            fake.image(&crate::step::inside::image(&program));
        });
    let told = stage.told(&stage.events().await);
    assert!(told.contains("= passed"), "{told}");
    let stays = "note: `page` is not in its folder any more, and stays in the copy that the services have";
    assert_eq!(told.matches(stays).count(), 1, "{told}");
    // The first time all three, what the step copied, then each that is another one.
    let journal = stage.fake.journal().into_iter();
    let written = journal.filter(|call| call.starts_with("write_archive"));
    assert_eq!(written.count(), 3 + 1 + 2, "{told}");
}

#[tokio::test(start_paused = true)]
async fn a_tool_for_which_no_time_is_left_is_not_called() {
    let text = "services: {web: {image: busybox, volumes: ['./a:/a']}}\n";
    let program = RealHost::new(Arc::new(NoGroups)).program().await.unwrap();
    let stage = of("app.yml", "{up: s, timeout: 2s}", text)
        .file("a/x", "")
        .engine(|fake| {
            fake.image(&crate::step::inside::image(&program));
            fake.call("write_archive", 1, Reply::Late(Duration::from_secs(3)));
        });
    let told = stage.told(&stage.events().await);
    let journal = stage.fake.journal();
    assert!(
        told.contains("steps[1] errored: `s` was not brought up: what comes before that took all of 2s"),
        "{told}"
    );
    assert!(!journal.iter().any(|call| call.starts_with("tool ")), "{journal:?}");
}
