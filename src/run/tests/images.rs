//! Images of a run: each built or pulled once, and a missing one is the matter of those who use it.

use super::stage;
use crate::engine::Labels;
use crate::engine::fake::{Reply, Script, ToolFault};
use crate::event::What;

const BUILD: &str = "images: {app: {build: ./app}}\nsteps: [assert: 'true']\n";

#[tokio::test(start_paused = true)]
async fn what_two_scenarios_build_of_the_same_content_is_built_once() {
    stage(BUILD)
        .scenario("two", BUILD)
        .file("app/Dockerfile", "FROM busybox\n")
        .check(
            "image `app` built
             1: steps[1] passed
             1: = passed
             2: steps[1] passed
             2: = passed",
        )
        .await;
}

#[tokio::test(start_paused = true)]
async fn a_build_that_fails_errors_only_those_who_use_it() {
    stage(BUILD)
        .scenario("two", "steps: [assert: 'true']\n")
        .file("app/Dockerfile", "FROM busybox\n")
        .engine(|fake| {
            fake.tool_fault(ToolFault::Fails(1, "no space left on device"));
        })
        .check(
            "image `app` not built: the build of `app` failed: exit code 1
             1: = errored: the build of `app` failed: exit code 1
             2: steps[1] passed
             2: = passed
             exit 3",
        )
        .await;
}

#[tokio::test(start_paused = true)]
async fn a_build_that_two_scenarios_call_differently_is_told_to_each_by_its_own_name() {
    stage("images: {app_x: {build: ./app}}\nsteps: [assert: 'true']\n")
        .scenario("two", "images: {app-x: {build: ./app}}\nsteps: [assert: 'true']\n")
        .file("app/Dockerfile", "FROM busybox\n")
        .engine(|fake| {
            fake.tool_fault(ToolFault::Fails(1, "no space left on device"));
        })
        .check(
            "image `app-x`, `app_x` not built: the build of `app_x` failed: exit code 1
             1: = errored: the build of `app_x` failed: exit code 1
             2: = errored: the build of `app-x` failed: exit code 1
             exit 3",
        )
        .await;
}

#[tokio::test(start_paused = true)]
async fn a_build_that_fails_is_told_at_each_who_wants_it() {
    let stage = stage(BUILD)
        .scenario("two", &format!("\n\n{BUILD}"))
        .file("app/Dockerfile", "FROM busybox\n")
        .engine(|fake| {
            fake.tool_fault(ToolFault::Fails(1, "no space left on device"));
        });
    let events = stage.events().await;
    let faults = events.iter().flat_map(|event| match &event.what {
        What::CaseEnded { faults, .. } => faults.clone(),
        _ => Vec::new(),
    });
    let mut places: Vec<String> = faults
        .filter_map(|fault| fault.place)
        .map(|place| format!("{}:{}", place.path.rsplit('/').next().unwrap(), place.line))
        .collect();
    places.sort();
    assert_eq!(places, ["one.yaml:2", "two.yaml:4"]);
}

#[tokio::test(start_paused = true)]
async fn an_image_waits_for_its_base() {
    stage(
        "images:
  a: {build: {context: ./app, from: {busybox: '${{ images.z }}'}}}
  z: {build: ./base}
steps: [assert: 'true']
",
    )
    .file("app/Dockerfile", "FROM busybox\nRUN a\n")
    .file("base/Dockerfile", "FROM busybox\nRUN z\n")
    .engine(|fake| {
        fake.call("tool", 1, Reply::Late(std::time::Duration::from_secs(5)));
    })
    .check(
        "image `z` built
         image `a` built
         steps[1] passed
         = passed",
    )
    .await;
}

#[tokio::test(start_paused = true)]
async fn an_image_of_ones_own_is_removed_at_the_end_of_the_run() {
    let stage = stage("images: {x: {image: busybox, own: true}}\nsteps: [assert: 'true']\n");
    stage
        .check(
            "image `x` present
             steps[1] passed
             = passed",
        )
        .await;
    assert!(stage.fake.journal().contains(&"remove busybox".to_owned()));
}

#[tokio::test(start_paused = true)]
async fn what_only_a_later_try_wants_is_built_at_that_try() {
    let build = "images: {app: {build: {context: ./app, args: {V: '${{ random(8) }}'}}}}\n";
    stage(&format!("{build}retries: 1\nsteps: [assert: 'false']\n"))
        .file("app/Dockerfile", "FROM busybox\n")
        .check(
            "image `app` built
             steps[1] failed: `false` is false
             = failed, again
             image `app` built
             steps[1] failed: `false` is false
             = failed
             exit 1",
        )
        .await;
}

#[tokio::test(start_paused = true)]
async fn nothing_of_what_images_were_built_from_stays_in_the_results() {
    let stage = stage("stacks: {shop: {compose: shop.yml, substitute: {builds: {./app: {}}}}}\nimages: {app: {build: ./app}}\nsteps: [up: shop]\n")
        .file("shop.yml", "services: {web: {build: ./app}}")
        .file("app/Dockerfile", "FROM busybox\n");
    stage.events().await;
    let case = stage.folder.path().join("results/001-one");
    let mut left: Vec<_> = std::fs::read_dir(stage.folder.path().join("results"))
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .collect();
    left.extend(
        std::fs::read_dir(case.join("stacks/shop"))
            .unwrap()
            .map(|entry| entry.unwrap().path()),
    );
    assert_eq!(left, [case.clone(), case.join("stacks/shop/shop.yml")]);
}

// On the real clock: a paused one runs to the limits of what reads files while that works.
#[tokio::test]
async fn what_is_hidden_stands_in_no_file_of_the_results_while_an_image_is_built() {
    let stage = stage(
        "stacks: {s: {compose: s.yml, env: {WORD: open-sesame}, substitute: {builds: {./app: {}}}}}\nsteps: [up: s]\n",
    )
    .file(
        "s.yml",
        "services: {web: {build: ./app, secrets: [word]}}\nsecrets: {word: {environment: WORD}}\n",
    )
    .file("app/Dockerfile", "FROM busybox\n");
    stage.events().await;
    let private = stage.folder.path().join("hidden/scratch");
    let built = format!("--file {}/testrun-1-1/s/web/s.yml build web", private.display());
    let calls = stage.fake.journal();
    assert!(
        calls.iter().any(|call| call.ends_with(&built.to_lowercase())),
        "{calls:?}"
    );
    assert!(!private.exists());
    stage.fake.assert_clean();
}

#[tokio::test(start_paused = true)]
async fn the_limit_of_a_build_is_stretched() {
    let build = "images: {app: {build: {context: ./app, timeout: 2s}}}\nsteps: [assert: 'true']\n";
    let slow = |scale| {
        stage(build)
            .file("app/Dockerfile", "FROM busybox\n")
            .engine(|fake| {
                fake.tool_fault(ToolFault::Slow(std::time::Duration::from_secs(5)));
            })
            .timeout_scale(scale)
    };
    let stage = slow(1.0);
    let told = stage.told(&stage.events().await);
    assert!(told.contains("not ended within 2s"), "{told}");
    slow(10.0).check("image `app` built\nsteps[1] passed\n= passed").await;
}

#[tokio::test(start_paused = true)]
async fn what_is_made_from_an_image_that_is_another_now_is_built_again() {
    let stage = stage(
        "images:
  base: {image: 'base:1'}
  app: {build: {context: ./app, from: {busybox: '${{ images.base }}'}}}
  next: {build: {context: ./next, from: {busybox: '${{ images.app }}'}}}
steps: [assert: 'true']
",
    )
    .file("app/Dockerfile", "FROM busybox\n")
    .file("next/Dockerfile", "FROM busybox\nRUN next\n");
    for how in ["built", "cached", "built"] {
        if how == "built" {
            // Under the same name, with another id.
            stage.fake.image("base:1");
        }
        let expected = format!(
            "image `base` present
             image `app` {how}
             image `next` {how}
             steps[1] passed
             = passed"
        );
        stage.check(&expected).await;
    }
}

#[tokio::test(start_paused = true)]
async fn what_is_made_from_an_image_that_nobody_knows_is_built_in_each_run() {
    let stage = stage(BUILD).file("app/Dockerfile", "FROM elsewhere\n");
    let told = "image `app` built\nsteps[1] passed\n= passed";
    stage.check(told).await;
    let made = stage.fake.journal();
    assert!(made.contains(&"pull elsewhere".to_owned()), "{made:?}");
}

#[tokio::test(start_paused = true)]
async fn what_the_compose_tool_is_too_old_for_is_told_before_anything_starts() {
    let body = "stacks: {site: site.yml}\nsteps: [up: site, assert: 'true']\n";
    let site = "services: {web: {image: busybox, configs: [page]}}\nconfigs: {page: {content: hello}}\n";
    let of = |version| stage(body).file("site.yml", site).compose(version);
    of("2.23.0")
        .check(
            "image `busybox` present
             = errored: the compose tool 2.23.0 does not take `content` of the config `page`
             exit 3",
        )
        .await;
    for version in ["2.23.1", "v2.26.1-4", "5.0.0", ""] {
        of(version)
            .check("image `busybox` present\nsteps[1] passed\nsteps[2] passed\n= passed")
            .await;
    }
}

#[tokio::test(start_paused = true)]
async fn what_is_made_of_a_committed_task_is_none_of_its_service() {
    let stage = stage(
        "images: {b: {blank: true}, c: {blank: true}}
stacks:
  s: {swarm: web.yml}
  k: {compose: web.yml, substitute: {images: {busybox: '${{ images.b }}'}}}
  again: {swarm: web.yml, substitute: {images: {busybox: '${{ images.c }}'}}}
steps:
  - deploy: s
  - commit: {service: s/web, image: '${{ images.b }}'}
  - run: {image: '${{ images.b }}', command: sleep, background: other}
  - up: k
  - commit: {service: k/web, image: '${{ images.c }}'}
  - deploy: again
  - assert:
    - containers('s/web') | length == 1
    - containers('k/web') | length == 1
    - containers('again/web') | length == 1
  - log-assert: {service: s/web, contains: x}
    expect: {count: 1}
",
    );
    let stage = stage.engine(|fake| {
        fake.in_swarm(Labels::new()).script("web", Script::new().out("x\n"));
    });
    let passed: String = (1..=8).map(|step| format!("steps[{step}] passed\n")).collect();
    stage.check(&format!("image `busybox` present\n{passed}= passed")).await;
}
