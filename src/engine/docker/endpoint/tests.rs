//! Which engine is meant.

use std::fs;
use std::path::Path;

use super::{Endpoint, EndpointOptions, endpoint};

fn config(current: &str) -> tempfile::TempDir {
    let folder = tempfile::tempdir().unwrap();
    let hash: String = super::Sha256::digest(b"far")
        .iter()
        .map(|byte| format!("{byte:02x}"))
        .collect();
    let meta = folder.path().join("contexts/meta").join(&hash);
    let tls = folder.path().join("contexts/tls").join(&hash).join("docker");
    fs::create_dir_all(&meta).unwrap();
    fs::create_dir_all(&tls).unwrap();
    fs::write(folder.path().join("config.json"), current).unwrap();
    let text = r#"{"Name":"far","Endpoints":{"docker":{"Host":"tcp://far:2376","SkipTLSVerify":false}}}"#;
    fs::write(meta.join("meta.json"), text).unwrap();
    fs::write(tls.join("ca.pem"), "").unwrap();
    folder
}

use sha2::Digest;

fn check(current: &str, change: impl Fn(&mut EndpointOptions, &Path), host: Option<&str>, tls: bool) {
    let folder = config(current);
    let mut options = EndpointOptions {
        config: Some(folder.path().to_owned()),
        ..EndpointOptions::default()
    };
    change(&mut options, folder.path());
    let found = endpoint(&options).unwrap();
    assert_eq!((found.host.as_deref(), found.tls.is_some()), (host, tls), "{options:?}");
}

#[test]
fn nothing_said_is_this_machines_engine() {
    check("{}", |_, _| (), None, false);
    assert_eq!(endpoint(&EndpointOptions::default()), Ok(Endpoint::default()));
}

#[test]
fn the_current_context_is_used_with_its_certificates() {
    check(r#"{"currentContext": "far"}"#, |_, _| (), Some("tcp://far:2376"), true);
    check(r#"{"currentContext": "default"}"#, |_, _| (), None, false);
}

#[test]
fn docker_host_goes_before_contexts_and_the_option_before_both() {
    let current = r#"{"currentContext": "far"}"#;
    let host = |options: &mut EndpointOptions, _: &Path| {
        options.docker_host = Some("tcp://near:2375".to_owned());
        options.docker_context = Some("nowhere".to_owned());
    };
    check(current, host, Some("tcp://near:2375"), false);
    let option = |options: &mut EndpointOptions, folder: &Path| {
        host(options, folder);
        options.docker = Some("unix:///run/x.sock".to_owned());
        options.docker_tls_verify = Some("1".to_owned());
    };
    check(current, option, Some("unix:///run/x.sock"), false);
    let named = |options: &mut EndpointOptions, folder: &Path| {
        host(options, folder);
        options.docker = Some("far".to_owned());
    };
    check("{}", named, Some("tcp://far:2376"), true);
}

#[test]
fn the_default_context_is_named_where_another_one_is_the_current_one() {
    let folder = config(r#"{"currentContext": "far"}"#);
    let by_option = EndpointOptions {
        docker: Some("default".to_owned()),
        config: Some(folder.path().to_owned()),
        ..EndpointOptions::default()
    };
    let by_environment = EndpointOptions {
        docker: None,
        docker_context: Some("default".to_owned()),
        ..by_option.clone()
    };
    for options in [&by_option, &by_environment] {
        let found = endpoint(options).unwrap();
        assert_eq!(found.host.as_deref(), Some("unix:///var/run/docker.sock"));
        let pasted = found.pasted();
        assert_eq!(
            (&*pasted.docker, &*pasted.gc),
            ("docker --context default", "e2erun gc --docker default")
        );
    }
    let with_host = EndpointOptions {
        docker_host: Some("tcp://near:2375".to_owned()),
        ..by_option
    };
    let found = endpoint(&with_host).unwrap();
    assert_eq!(
        found.host.as_deref(),
        Some("tcp://near:2375"),
        "as the docker tools have it"
    );
}

#[test]
fn verified_tls_takes_the_certificate_folder() {
    let secure = |options: &mut EndpointOptions, _: &Path| {
        options.docker_host = Some("tcp://near:2376".to_owned());
        options.docker_tls_verify = Some("1".to_owned());
    };
    check("{}", secure, Some("tcp://near:2376"), true);
}

#[test]
fn an_unknown_context_is_told() {
    let folder = config("{}");
    let docker_context = Some("fra".to_owned());
    let options = EndpointOptions {
        docker_context,
        config: Some(folder.path().to_owned()),
        ..EndpointOptions::default()
    };
    let said = endpoint(&options).unwrap_err().to_string();
    assert!(
        said.starts_with("cannot use docker context `fra`: there is no such context"),
        "{said}"
    );
    fs::write(folder.path().join("config.json"), "{").unwrap();
    let broken = EndpointOptions {
        docker_context: None,
        ..options
    };
    let said = endpoint(&broken).unwrap_err().to_string();
    assert!(said.contains("config.json"), "{said}");
}

#[test]
fn commands_that_are_pasted_speak_to_the_engine_that_was_meant() {
    let folder = tempfile::tempdir().unwrap();
    let at = folder.path().display();
    fs::write(folder.path().join("ca.pem"), "").unwrap();
    let check = |endpoint: Endpoint, docker: &str, gc: &str| {
        let pasted = endpoint.pasted();
        assert_eq!((pasted.docker.as_str(), pasted.gc.as_str()), (docker, gc));
    };
    let host = |host: &str| Endpoint {
        host: Some(host.to_owned()),
        ..Endpoint::default()
    };
    check(Endpoint::default(), "docker", "e2erun gc");
    check(
        host("ssh://core@web1:22"),
        "docker --host ssh://core@web1:22",
        "e2erun gc --docker ssh://core@web1:22",
    );
    let context = Some("my far one".to_owned());
    check(
        Endpoint {
            context,
            ..host("tcp://far:2376")
        },
        "docker --context 'my far one'",
        "e2erun gc --docker 'my far one'",
    );
    let tls = Some(folder.path().to_owned());
    check(
        Endpoint {
            tls,
            ..host("tcp://far:2376")
        },
        &format!("docker --host tcp://far:2376 --tlsverify --tlscacert {at}/ca.pem"),
        &format!("DOCKER_TLS_VERIFY=1 DOCKER_CERT_PATH={at} e2erun gc --docker tcp://far:2376"),
    );
}

#[test]
fn only_a_socket_of_this_machine_has_its_files() {
    for (host, here, address) in [
        (None, true, "127.0.0.1"),
        (Some("unix:///run/x.sock"), true, "127.0.0.1"),
        (Some("tcp://far:2376"), false, "far"),
        (Some("tcp://[::1]:2376"), false, "::1"),
        (Some("tcp://localhost:2375"), false, "localhost"),
        (Some("ssh://far"), false, "127.0.0.1"),
    ] {
        let endpoint = Endpoint {
            host: host.map(str::to_owned),
            ..Endpoint::default()
        };
        assert_eq!((endpoint.is_here(), &*endpoint.address()), (here, address), "{host:?}");
    }
}
