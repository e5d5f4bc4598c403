//! Images, networks and volumes: made, asked for, used by containers.

use e2erun::engine::{ContainerSpec, Engine, NetworkSpec, Reason, VolumeSpec};

use super::stage::Stage;

#[tokio::test]
async fn images_are_made_named_and_asked_for() {
    Stage::with(async |stage| {
        let id = stage.start("echo x > /made").await;
        stage.event(&id, "die").await;
        let (name, second) = (stage.name("image"), stage.name("second"));
        let made = stage
            .engine
            .commit(&id, &format!("{name}:1"), &stage.labels())
            .await
            .unwrap();
        stage.engine.tag(&made, &second).await.unwrap();
        let image = stage.engine.image(&second).await.unwrap().unwrap();
        assert_eq!(image.id, made);
        let mut tags = image.tags.clone();
        tags.sort();
        assert_eq!(tags, [format!("{name}:1"), format!("{second}:latest")]);
        assert_eq!((image.labels, image.healthcheck), (stage.labels(), false));
        assert_eq!(stage.engine.image("e2erun-nothing").await, Ok(None));
        // What is in it is what the container wrote, and its command stayed.
        let spec = ContainerSpec {
            image: second,
            command: Some(vec!["cat".to_owned(), "/made".to_owned()]),
            ..stage.shell("")
        };
        let again = stage.start_spec(&spec).await;
        stage.event(&again, "die").await;
        assert_eq!(stage.engine.inspect(&again).await.unwrap().exit, Some(0));
    })
    .await;
}

#[tokio::test]
async fn a_second_network_of_a_name_is_refused() {
    Stage::with(async |stage| {
        let spec = stage.network(&stage.name("one"));
        let make = || stage.engine.create_network(&spec);
        let id = make().await.unwrap();
        let why = make().await.unwrap_err();
        assert_eq!(why.reason, Reason::Conflict, "{why}");
        let all = stage.engine.networks(std::slice::from_ref(&stage.label)).await.unwrap();
        let made: Vec<_> = all
            .iter()
            .map(|network| (&network.id, network.driver.as_str()))
            .collect();
        assert_eq!(made, [(&id, "bridge")]);
    })
    .await;
}

#[tokio::test]
async fn networks_and_volumes_are_made_with_all_that_is_said_of_them() {
    Stage::with(async |stage| {
        let network = NetworkSpec {
            internal: true,
            subnet: Some("10.249.87.0/28".to_owned()),
            options: [("com.docker.network.bridge.enable_icc".to_owned(), "false".to_owned())].into(),
            ..stage.network(&stage.name("net"))
        };
        stage.engine.create_network(&network).await.unwrap();
        let made = stage.engine.networks(std::slice::from_ref(&stage.label)).await.unwrap();
        assert_eq!(made[0].subnets, ["10.249.87.0/28"]);
        let volume = VolumeSpec {
            options: [("type", "tmpfs"), ("device", "tmpfs"), ("o", "size=1m")]
                .map(|(name, value)| (name.to_owned(), value.to_owned()))
                .into(),
            ..stage.volume(&stage.name("memory"))
        };
        stage.engine.create_volume(&volume).await.unwrap();
        let spec = ContainerSpec {
            volumes: vec![format!("{}:/memory", volume.name)],
            networks: vec![(network.name.clone(), Vec::new())],
            ..stage.shell("df -P /memory | tail -n 1")
        };
        let id = stage.start_spec(&spec).await;
        stage.event(&id, "die").await;
        let said = super::output::said(stage, &id).await;
        assert!(said.starts_with("tmpfs "), "{said}");
    })
    .await;
}

#[tokio::test]
async fn a_pull_that_cannot_be_says_so() {
    Stage::with(async |stage| {
        let why = stage.engine.pull("localhost:1/e2erun/nothing:1").await.unwrap_err();
        assert!(
            why.to_string()
                .starts_with("cannot pull image `localhost:1/e2erun/nothing:1`: "),
            "{why}"
        );
    })
    .await;
}

#[tokio::test]
async fn networks_join_containers_under_their_aliases() {
    Stage::with(async |stage| {
        let (first, second) = (stage.name("first"), stage.name("second"));
        for name in [&first, &second] {
            stage.engine.create_network(&stage.network(name)).await.unwrap();
        }
        let spec = ContainerSpec {
            networks: vec![
                (first.clone(), vec!["one".to_owned()]),
                (second.clone(), vec!["two".to_owned()]),
            ],
            ..stage.shell("sleep 600")
        };
        let id = stage.start_spec(&spec).await;
        let on = stage.engine.inspect(&id).await.unwrap().networks;
        assert!(
            on[&first].1.contains(&"one".to_owned()) && on[&second].1.contains(&"two".to_owned()),
            "{on:?}"
        );
        let networks = stage.engine.networks(std::slice::from_ref(&stage.label)).await.unwrap();
        assert_eq!(networks.len(), 2);
        for network in &networks {
            assert_eq!(
                (
                    network.driver.as_str(),
                    network.containers.as_slice(),
                    network.subnets.len()
                ),
                ("bridge", &[id.clone()][..], 1)
            );
        }
        stage.engine.disconnect(&second, &id).await.unwrap();
        assert!(!stage.engine.inspect(&id).await.unwrap().networks.contains_key(&second));
    })
    .await;
}

#[tokio::test]
async fn volumes_are_mounted_by_name() {
    Stage::with(async |stage| {
        let name = stage.name("data");
        stage.engine.create_volume(&stage.volume(&name)).await.unwrap();
        let spec = ContainerSpec {
            volumes: vec![format!("{name}:/data:ro")],
            ..stage.shell("sleep 600")
        };
        let id = stage.start_spec(&spec).await;
        let mounts = stage.engine.inspect(&id).await.unwrap().mounts;
        assert_eq!(mounts, [("volume".to_owned(), name.clone(), "/data".to_owned(), false)]);
        let volumes = stage.engine.volumes(std::slice::from_ref(&stage.label)).await.unwrap();
        assert_eq!(
            volumes
                .iter()
                .map(|volume| (volume.name.as_str(), volume.driver.as_str()))
                .collect::<Vec<_>>(),
            [(name.as_str(), "local")]
        );
    })
    .await;
}
