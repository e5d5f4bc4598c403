//! The machine's engine from afar: over TLS and over ssh.

use std::path::Path;
use std::process::Command;
use std::sync::atomic::Ordering;

use super::far::{Server, Tls, passes_over_ssh, passes_over_tls, put_ssh};
use super::stage::Stage;

const SCENARIO: &str = "tests/scenarios/remote.yaml";

#[test]
fn a_scenario_runs_over_tls() {
    passes_over_tls(SCENARIO);
}

#[test]
fn a_scenario_runs_over_ssh() {
    passes_over_ssh(SCENARIO);
}

#[test]
fn the_engine_is_named_by_the_environment_and_by_contexts_as_with_the_docker_tools() {
    let stage = Stage::new();
    let tls = Tls::start(&stage);
    let config = tls.context("far-away");
    let certs = stage.path("certs").display().to_string();
    let check = |env: &[(&str, &str)], args: &[&str], (host, address): (&str, &str)| {
        let set = [format!("host={host}"), format!("reached={address}")];
        let all = ["tests/scenarios/named-engine.yaml", "--set", &set[0], "--set", &set[1]];
        // What names an engine for the tests names none here.
        let none = ["DOCKER_HOST", "DOCKER_CONTEXT", "DOCKER_TLS_VERIFY"].map(|name| (name, ""));
        let env = [&none[..], &[("DOCKER_CONFIG", &*config)], env].concat();
        let run = stage.run_with(&env, &[&all, args].concat());
        run.code(0).says(&["1 case: 1 passed"]).left_nothing();
    };
    let far = (&*tls.address, "127.0.0.2");
    let by_host = [
        ("DOCKER_HOST", far.0),
        ("DOCKER_TLS_VERIFY", "1"),
        ("DOCKER_CERT_PATH", &*certs),
    ];
    check(&by_host, &[], far);
    check(&[("DOCKER_CONTEXT", "far-away")], &[], far);
    let current = stage.path("docker/config.json");
    std::fs::write(current, r#"{"currentContext": "far-away"}"#).unwrap();
    check(&[], &[], far);
    let near = ("unix:///var/run/docker.sock", "127.0.0.1");
    check(&[("DOCKER_CONTEXT", "default")], &[], near);
    check(&[], &["--docker", "default"], near);
}

#[test]
fn over_tls_both_sides_want_to_know_each_other() {
    let stage = Stage::new();
    let tls = Tls::start(&stage);
    let run = stage.run_with(&[], &[SCENARIO, "--docker", &tls.address]);
    run.code(3).says(&["cannot reach the engine at tcp://"]);
    std::fs::remove_file(stage.path("certs/cert.pem")).unwrap();
    tls.run(&[SCENARIO])
        .code(3)
        .says(&["(?i)cannot reach the engine at tcp://.*certificate"]);
}

#[test]
fn many_connections_over_ssh_share_few_log_ins() {
    let stage = Stage::new();
    let server = Server::start(&stage);
    let many = ["tests/scenarios/remote-many.yaml", "-j", "4", "--repeat", "4"];
    let run = stage.run("results", &[&many[..], &["--docker", &server.address()]].concat());
    run.code(0).says(&["4 cases: 4 passed"]).left_nothing();
    let [log_ins, sessions] =
        [&server.counts.log_ins, &server.counts.sessions].map(|count| count.load(Ordering::Relaxed));
    // How many are open at once is a matter of how long each lasts.
    let few = 2..=sessions / 4;
    assert!(
        few.contains(&log_ins),
        "it logged in {log_ins} times for {sessions} sessions"
    );
}

#[test]
fn an_engine_that_cannot_be_reached_by_ssh_leaves_no_socket_behind() {
    let stage = Stage::new();
    let server = Server::start(&stage);
    std::fs::write(stage.path("ssh/authorized"), "").unwrap();
    let told = stage.program(&["gc", "--docker", &server.address()]).output().unwrap();
    assert!(
        String::from_utf8_lossy(&told.stderr).contains("Permission denied"),
        "{told:?}"
    );
    assert_eq!(leases(&stage), Vec::<String>::new());
}

#[test]
fn what_a_gc_over_ssh_leaves_that_is_killed_goes_with_the_next_one() {
    let stage = Stage::new();
    let pipe = stage.pipe("called");
    // It is called and does not answer; where the name leads, it says.
    let hangs = format!(
        "#!/bin/sh\ncase \"$*\" in -G*) exit 0;; esac\necho called > {}\nexec cat > /dev/null\n",
        pipe.display()
    );
    put_ssh(&stage, &hangs);
    let mut gc = stage
        .program(&["gc", "--docker", "ssh://core@far.test"])
        .spawn()
        .unwrap();
    // It waits for whoever writes to it.
    assert_eq!(std::fs::read_to_string(&pipe).unwrap(), "called\n");
    let [id] = &leases(&stage)[..] else {
        panic!("it has no lease: {:?}", leases(&stage))
    };
    let sockets = format!("/tmp/e2erun-{id}");
    assert!(Path::new(&sockets).exists(), "{sockets}");
    gc.kill().unwrap();
    gc.wait().unwrap();
    assert!(stage.program(&["gc"]).status().unwrap().success());
    assert!(!Path::new(&sockets).exists(), "{sockets} is left");
    assert_eq!(leases(&stage), Vec::<String>::new());
}

/// The ids of the leases that are there.
fn leases(stage: &Stage) -> Vec<String> {
    let files = std::fs::read_dir(stage.path("state/e2erun/leases"))
        .into_iter()
        .flatten();
    let names = files.map(|file| file.unwrap().file_name().into_string().unwrap());
    names
        .filter_map(|name| Some(name.strip_suffix(".lease")?.to_owned()))
        .collect()
}

#[test]
fn what_is_in_the_way_over_ssh_is_told_with_what_to_do() {
    let stage = Stage::new();
    let server = Server::start(&stage);
    let run = |name: &str| stage.run(name, &[SCENARIO, "--docker", &server.address()]);
    let path = format!("{}/nowhere.sock", server.address());
    let no_engine = stage.run("no-engine", &[SCENARIO, "--docker", &path]);
    no_engine
        .code(3)
        .says(&["nowhere.sock: connect: no such file", "no engine runs there"]);
    std::fs::write(stage.path("ssh/authorized"), "").unwrap();
    run("no-key").code(3).says(&["Permission denied", "ssh-add"]);
    std::fs::write(stage.path("ssh/known"), "").unwrap();
    run("unknown")
        .code(3)
        .says(&["Host key verification failed", "known_hosts"]);
    let gone = "ssh://root@127.0.0.1:1";
    let gone = stage.run("gone", &[SCENARIO, "--docker", gone]);
    gone.code(3)
        .says(&["Connection refused", "does an ssh server listen there"]);
    let secret = stage.run("secret", &[SCENARIO, "--docker", "ssh://core:s3cret@127.0.0.1"]);
    secret.code(2).says(&["an engine's address has no password in it"]);
    assert!(!secret.told().contains("s3cret"), "{}", secret.told());
}

#[test]
fn what_is_only_here_and_what_is_only_there_is_told() {
    let stage = Stage::new();
    let tls = Tls::start(&stage);
    let run = |scenario: &str| tls.run(&[scenario]);
    run("tests/scenarios/remote-refused.yaml")
        .code(3)
        .left_nothing()
        .says(&[
            r"docker-compose.yml:8:9",
            r"`\./www` is on this machine, the engine is on another one",
            "take `copy: false` away",
        ]);
    run("tests/scenarios/remote-loopback.yaml")
        .code(3)
        .left_nothing()
        .says(&[
            "port 80 of `hidden` cannot be reached from here: it is bound to 127.0.0.1 of the engine's machine",
            "`inside: hidden`",
        ]);
}

#[test]
fn what_is_left_for_a_look_is_looked_at_by_pasting_what_was_told() {
    let stage = Stage::new();
    let run = Tls::start(&stage).run(&[SCENARIO, "--keep", "always"]);
    let told = run.code(0).told();
    let look = told
        .lines()
        .find(|line| line.contains(" exec -it ") && line.contains("-web-1 "))
        .unwrap();
    // Where nobody sits there is no terminal.
    let look = look.trim().replace(" -it ", " ").replace(" sh", " cat /www/hello.txt");
    let ours = Path::new(env!("CARGO_BIN_EXE_e2erun")).parent().unwrap().display();
    let path = format!("{ours}:{}", std::env::var("PATH").unwrap());
    let sh = |words: &str| {
        let mut command = Command::new("sh");
        command.args(["-c", words]).env("PATH", &path);
        command.env("XDG_STATE_HOME", stage.path("state")).output().unwrap()
    };
    assert_eq!(String::from_utf8_lossy(&sh(&look).stdout).trim(), "from here", "{look}");
    let (_, remove) = told.split_once("remove it: ").unwrap();
    let remove = remove.lines().next().unwrap();
    assert!(remove.starts_with("DOCKER_TLS_VERIFY=1 "), "{remove}");
    assert!(sh(remove).status.success(), "{remove}");
    run.left_nothing();
}
