//! What stands before the handlers, on whole nodes and over sockets: TLS and client certificates, limits, other sites.

use std::{
    fs,
    io::{Read as _, Write as _},
    net::SocketAddr,
    path::{Path, PathBuf},
    sync::Arc,
    time::{Duration, Instant},
};

use rcgen::{BasicConstraints, CertificateParams, DnType, IsCa, Issuer, KeyPair};
use rustls::{ClientConfig, ClientConnection, StreamOwned, pki_types::ServerName};

use super::{
    test_node::{Answer, CHAIN, OCTETS, TestNode, connect, read_answer, request, request_with},
    tls::{Tls, TlsFiles},
};
use crate::{
    client::{ClientTls, Node as Client},
    config::NodeConfig,
    fixture::{deploy, deployer},
    tls,
};

/// Somebody who issues certificates.
struct Authority {
    issuer: Issuer<'static, KeyPair>,
    pem: String,
}

impl Authority {
    fn new(name: &str) -> Self {
        let key = KeyPair::generate().expect("a key");
        let mut params = CertificateParams::new(Vec::<String>::new()).expect("parameters");
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        params.distinguished_name.push(DnType::CommonName, name);
        let pem = params.self_signed(&key).expect("a certificate").pem();
        Self { issuer: Issuer::new(params, key), pem }
    }

    /// Writes its own certificate.
    fn write(&self, folder: &Path, name: &str) -> PathBuf {
        let path = folder.join(name);
        fs::write(&path, &self.pem).expect("a file");
        path
    }

    /// Writes a certificate for this machine and its key.
    fn issue(&self, folder: &Path, name: &str) -> (PathBuf, PathBuf) {
        let key = KeyPair::generate().expect("a key");
        let params = CertificateParams::new(vec!["127.0.0.1".to_owned()]).expect("parameters");
        let certificate = params.signed_by(&key, &self.issuer).expect("a certificate");
        let paths = (folder.join(format!("{name}.pem")), folder.join(format!("{name}.key")));
        fs::write(&paths.0, certificate.pem()).expect("a file");
        fs::write(&paths.1, key.serialize_pem()).expect("a file");
        paths
    }
}

/// A node's authority and its clients', with files of each.
struct Papers {
    node: (PathBuf, PathBuf),
    node_ca: PathBuf,
    client: (PathBuf, PathBuf),
    client_ca: PathBuf,
    stranger: (PathBuf, PathBuf),
    stranger_ca: PathBuf,
}

impl Papers {
    fn write(folder: &Path) -> Self {
        let (nodes, clients, others) = (Authority::new("nodes"), Authority::new("clients"), Authority::new("others"));
        Self {
            node: nodes.issue(folder, "node"),
            node_ca: nodes.write(folder, "nodes.pem"),
            client: clients.issue(folder, "client"),
            client_ca: clients.write(folder, "clients.pem"),
            stranger: others.issue(folder, "stranger"),
            stranger_ca: others.write(folder, "others.pem"),
        }
    }

    fn show(&self, config: &mut NodeConfig) {
        config.api.tls_certificate = Some(self.node.0.clone());
        config.api.tls_key = Some(self.node.1.clone());
        config.api.client_ca = Some(self.client_ca.clone());
    }

    /// A client that trusts the node's authority and shows `identity`.
    fn client(&self, identity: Option<&(PathBuf, PathBuf)>) -> Arc<ClientConfig> {
        let builder = ClientConfig::builder_with_provider(tls::provider()).with_safe_default_protocol_versions();
        let builder = builder.expect("versions").with_root_certificates(tls::roots(&self.node_ca).expect("roots"));
        Arc::new(match identity {
            None => builder.with_no_client_auth(),
            Some((certificate, key)) => {
                let chain = tls::certificates(certificate).expect("a certificate");
                builder.with_client_auth_cert(chain, tls::private_key(key).expect("a key")).expect("they fit")
            }
        })
    }
}

/// Asks over TLS; nothing when there is no connection to ask over.
fn ask(address: SocketAddr, config: &Arc<ClientConfig>, head: &str, body: &[u8]) -> Option<Answer> {
    let name = ServerName::try_from("127.0.0.1").expect("a name");
    let connection = ClientConnection::new(Arc::clone(config), name).expect("a connection");
    let mut stream = StreamOwned::new(connection, connect(address));
    stream.write_all(format!("{head}\r\nHost: node\r\nConnection: close\r\n\r\n").as_bytes()).ok()?;
    stream.write_all(body).ok()?;
    // Who shows a certificate that is not wanted learns it when it reads.
    stream.flush().ok()?;
    let mut bytes = Vec::new();
    stream.read_to_end(&mut bytes).ok();
    (!bytes.is_empty()).then(|| read_answer(&bytes[..]))
}

fn get(address: SocketAddr, config: &Arc<ClientConfig>, path: &str) -> Option<Answer> {
    ask(address, config, &format!("GET {path} HTTP/1.1"), b"")
}

#[test]
fn what_is_not_public_is_for_those_who_bring_a_certificate() {
    let home = tempfile::tempdir().expect("a temporary directory");
    let papers = Papers::write(home.path());
    let node = TestNode::start_with(&home.path().join("data"), |config| papers.show(config));
    let address = node.node.address();
    assert_eq!(node.node.url(), format!("https://{address}"));
    let (anybody, operator) = (papers.client(None), papers.client(Some(&papers.client)));
    let traced = format!("{CHAIN}/transactions/{}/trace", "0".repeat(64));
    for path in
        ["/metrics", "/readyz", &traced, &format!("{CHAIN}/snapshots"), &format!("{CHAIN}/snapshots/1/manifest")]
    {
        let refused = get(address, &anybody, path).expect("an answer");
        assert_eq!((refused.status, refused.code().as_str()), (403, "certificate_required"), "{path}");
        let served = get(address, &operator, path).expect("an answer");
        assert_ne!(served.status, 403, "{path}");
    }
    let metrics = get(address, &operator, "/metrics").expect("an answer").text();
    let line = "chancery_http_refused_total{route=\"/readyz\",code=\"certificate_required\"} 1";
    assert!(metrics.contains(line), "{metrics}");
    for path in ["/livez", "/openapi.json", "/v1/chains", &format!("{CHAIN}/blocks")] {
        assert_eq!(get(address, &anybody, path).map(|answer| answer.status), Some(200), "{path}");
    }
    let stranger = papers.client(Some(&papers.stranger));
    assert!(get(address, &stranger, "/livez").is_none(), "a certificate of another authority is no certificate");
    let mut plain = connect(address);
    plain.write_all(b"GET /livez HTTP/1.1\r\nHost: n\r\n\r\n").expect("sent");
    let mut answer = Vec::new();
    plain.read_to_end(&mut answer).ok();
    assert!(!answer.starts_with(b"HTTP"), "plain HTTP is not answered where there is TLS");
    node.stop();
}

#[test]
fn transactions_need_a_certificate_only_where_the_node_says_so() {
    let home = tempfile::tempdir().expect("a temporary directory");
    let papers = Papers::write(home.path());
    let body = deployer().send(0, deploy("land")).to_bytes();
    for needed in [false, true] {
        let node = TestNode::start_with(&home.path().join(format!("data-{needed}")), |config| {
            papers.show(config);
            config.api.submit_needs_certificate = needed;
        });
        let submit = |client: Option<&(PathBuf, PathBuf)>, route: &str| {
            let head =
                format!("POST {CHAIN}/{route} HTTP/1.1\r\nContent-Type: {OCTETS}\r\nContent-Length: {}", body.len());
            ask(node.node.address(), &papers.client(client), &head, &body).expect("an answer").status
        };
        let (try_out, hand_in) = if needed { (403, 403) } else { (200, 202) };
        assert_eq!(submit(None, "simulate"), try_out, "needed: {needed}");
        assert_eq!(submit(None, "estimate"), try_out, "needed: {needed}");
        assert_eq!(submit(None, "transactions"), hand_in, "needed: {needed}");
        assert!([200, 202].contains(&submit(Some(&papers.client), "transactions")), "needed: {needed}");
        node.stop();
    }
}

#[test]
fn the_command_lines_client_checks_the_node_and_shows_itself() {
    let home = tempfile::tempdir().expect("a temporary directory");
    let papers = Papers::write(home.path());
    let node = TestNode::start_with(&home.path().join("data"), |config| papers.show(config));
    let open = |ca: &Path, identity: Option<&(PathBuf, PathBuf)>| {
        Client::with_tls(node.node.url(), &ClientTls { ca: Some(ca.to_owned()), identity: identity.cloned() })
    };
    let main = crate::fixture::name("main");
    let anybody = open(&papers.node_ca, None).expect("a client");
    assert_eq!(anybody.chains().expect("an answer").len(), 1);
    let refused = anybody.chain(main.clone()).snapshots().expect_err("it is not public");
    assert_eq!(refused.code(), Some("certificate_required"));
    let operator = open(&papers.node_ca, Some(&papers.client)).expect("a client");
    assert!(operator.chain(main).snapshots().expect("an answer").is_empty());
    let deceived = open(&papers.stranger_ca, None).expect("a client").chains().expect_err("another authority");
    assert!(deceived.to_string().contains("certificate"), "{deceived}");
    let mixed = (papers.client.0.clone(), papers.stranger.1.clone());
    let wrong = open(&papers.node_ca, Some(&mixed)).err().expect("the key is another's").to_string();
    assert!(wrong.contains("client.pem") && wrong.contains("stranger.key"), "{wrong}");
    node.stop();
}

#[test]
fn a_handshake_that_does_not_come_holds_no_connection() {
    let home = tempfile::tempdir().expect("a temporary directory");
    let papers = Papers::write(home.path());
    let node = TestNode::start_with(&home.path().join("data"), |config| {
        papers.show(config);
        config.api.connections_max = 4;
    });
    let address = node.node.address();
    let silent: Vec<_> = (0..4).map(|_| connect(address)).collect();
    let answer = get(address, &papers.client(None), "/livez");
    assert_eq!(answer.map(|answer| answer.status), Some(200), "served once the silent ones were cut off");
    drop(silent);
    node.stop();
}

#[test]
fn files_that_do_not_serve_are_told_by_name() {
    let home = tempfile::tempdir().expect("a temporary directory");
    let papers = Papers::write(home.path());
    let nonsense = home.path().join("nonsense.pem");
    fs::write(&nonsense, "no certificate").expect("a file");
    let missing = home.path().join("missing.pem");
    let files = |certificate: &Path, key: &Path, client_ca: &Path| TlsFiles {
        certificate: certificate.to_owned(),
        key: key.to_owned(),
        client_ca: Some(client_ca.to_owned()),
    };
    let (certificate, key) = &papers.node;
    for (files, told) in [
        (files(&missing, key, &papers.client_ca), "missing.pem cannot be read"),
        (files(&nonsense, key, &papers.client_ca), "nonsense.pem has no certificate"),
        (files(certificate, &nonsense, &papers.client_ca), "nonsense.pem has no private key"),
        (files(certificate, &papers.client.1, &papers.client_ca), "client.key"),
        (files(certificate, key, &nonsense), "nonsense.pem has no certificate"),
        (files(certificate, key, &missing), "missing.pem cannot be read"),
    ] {
        let error = Tls::load(files).err().expect("it does not serve").to_string();
        assert!(error.contains(told), "{error}");
    }
}

#[test]
fn a_renewed_certificate_is_taken_up_and_a_broken_one_is_not() {
    let home = tempfile::tempdir().expect("a temporary directory");
    let papers = Papers::write(home.path());
    let files = TlsFiles { certificate: papers.node.0.clone(), key: papers.node.1.clone(), client_ca: None };
    let tls = Tls::load(files).expect("they serve");
    assert!(!tls.look().expect("nothing changed"));
    let before = tls.acceptor().config().clone();
    // Another size, whatever the file system's clock can tell apart.
    fs::write(&papers.node.0, "broken").expect("a file");
    assert!(tls.look().is_err());
    assert!(Arc::ptr_eq(&before, tls.acceptor().config()), "the one before stays");
    assert!(!tls.look().expect("it is told once"));
    let (certificate, key) = Authority::new("the next").issue(home.path(), "next");
    fs::copy(certificate, &papers.node.0).expect("a file");
    fs::copy(key, &papers.node.1).expect("a file");
    assert!(tls.look().expect("they serve"));
    assert!(!Arc::ptr_eq(&before, tls.acceptor().config()));
}

#[test]
fn who_asks_too_much_is_told_when_to_come_back() {
    let home = tempfile::tempdir().expect("a temporary directory");
    let node = TestNode::start_with(home.path(), |config| {
        (config.api.requests_per_second, config.api.burst, config.api.limit_loopback) = (1, 20, true);
        config.api.trusted_proxies = vec!["127.0.0.1".parse().expect("an address")];
    });
    let from =
        |client: &str, path: &str| request_with(node.node.address(), "GET", path, &[("X-Forwarded-For", client)], None);
    let dear = format!("{CHAIN}/events");
    assert_eq!((from("203.0.113.1", &dear).status, from("203.0.113.1", &dear).status), (200, 200));
    let refused = from("203.0.113.1", &dear);
    assert_eq!((refused.status, refused.code().as_str()), (429, "rate_limited"));
    let wait: u64 = refused.header("retry-after").and_then(|text| text.parse().ok()).expect("seconds");
    assert!((8..=10).contains(&wait), "{wait}");
    assert_eq!(from("203.0.113.1", "/nowhere").status, 429, "what is not there costs as well");
    assert_eq!(from("203.0.113.2", &dear).status, 200, "others are served");
    let metrics = from("203.0.113.3", "/metrics").text();
    let line = "chancery_http_refused_total{route=\"/v1/chains/{chain}/events\",code=\"rate_limited\"} 1";
    assert!(metrics.contains(line), "{metrics}");
    // The command line waits instead of failing.
    while request(node.node.address(), "GET", "/livez", None).status == 200 {}
    let began = Instant::now();
    let client = Client::at(node.node.url()).expect("a client");
    assert_eq!(client.chains().expect("an answer, after a while").len(), 1);
    assert!(began.elapsed() >= Duration::from_millis(500), "{:?}", began.elapsed());
    node.stop();
}

#[test]
fn clients_on_this_machine_are_not_limited_unless_it_is_said() {
    let home = tempfile::tempdir().expect("a temporary directory");
    let node = TestNode::start_with(home.path(), |config| {
        (config.api.requests_per_second, config.api.burst) = (1, 10);
    });
    assert!((0..30).all(|_| node.get("/livez").status == 200));
    node.stop();
}

#[test]
fn only_sites_on_the_list_may_read() {
    let home = tempfile::tempdir().expect("a temporary directory");
    let node = TestNode::start_with(home.path(), |config| {
        config.api.allowed_origins = vec!["https://city.example".to_owned()];
    });
    let ask = |method: &str, path: &str, headers: &[(&str, &str)]| {
        request_with(node.node.address(), method, path, headers, None)
    };
    let allowed = ask("GET", "/v1/chains", &[("Origin", "https://city.example")]);
    assert_eq!(allowed.header("access-control-allow-origin"), Some("https://city.example"));
    assert_eq!(allowed.header("access-control-allow-credentials"), None);
    assert_eq!(allowed.header("vary"), Some("Origin"));
    let refused = ask("GET", "/v1/chains/none", &[("Origin", "https://city.example")]);
    assert_eq!((refused.status, refused.header("access-control-allow-origin")), (404, Some("https://city.example")));
    for other in ["https://other.example", "https://city.example.other.example", "http://city.example", "null"] {
        let answer = ask("GET", "/v1/chains", &[("Origin", other)]);
        assert_eq!((answer.status, answer.header("access-control-allow-origin")), (200, None), "{other}");
        assert_eq!(answer.header("vary"), Some("Origin"), "caches keep them apart");
    }
    let first = [("Origin", "https://city.example"), ("Access-Control-Request-Method", "POST")];
    let preflight = ask("OPTIONS", &format!("{CHAIN}/simulate"), &first);
    assert_eq!(preflight.status, 204);
    assert_eq!(preflight.header("access-control-allow-methods"), Some("GET, HEAD, POST"));
    assert_eq!(preflight.header("access-control-allow-headers"), Some("Content-Type, Last-Event-ID"));
    let stranger = [("Origin", "https://other.example"), ("Access-Control-Request-Method", "POST")];
    let preflight = ask("OPTIONS", &format!("{CHAIN}/simulate"), &stranger);
    assert_eq!((preflight.status, preflight.header("access-control-allow-methods")), (405, None));
    node.stop();
    let node = TestNode::start(&home.path().join("closed"));
    let answer = request_with(node.node.address(), "GET", "/v1/chains", &[("Origin", "https://city.example")], None);
    assert_eq!((answer.status, answer.header("access-control-allow-origin")), (200, None), "nobody is on the list");
    node.stop();
}
