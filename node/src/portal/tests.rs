//! The portal of a whole node, over sockets: every page in both languages, what unknown and hostile input gets, and that
//! texts, templates and files are whole.

use std::{
    collections::{BTreeMap, BTreeSet, VecDeque},
    io::{Read as _, Write as _},
    net::TcpStream,
    path::{Path, PathBuf},
    time::Duration,
};

use flate2::read::GzDecoder;

use super::{
    dress::POLICY,
    lang::{CHINESE, ENGLISH, Lang},
};
use crate::{
    api::test_node::TestNode,
    fixture::{call, contract, deploy, deployer},
};

struct Answer {
    status: u16,
    headers: BTreeMap<String, String>,
    body: Vec<u8>,
}

impl Answer {
    fn header(&self, name: &str) -> &str {
        self.headers.get(name).map_or("", String::as_str)
    }

    fn text(&self) -> String {
        String::from_utf8(self.body.clone()).expect("the body is UTF-8")
    }
}

fn ask(node: &TestNode, method: &str, path: &str, headers: &str) -> Answer {
    let mut stream = TcpStream::connect(node.node.address()).expect("the node listens");
    stream.set_read_timeout(Some(Duration::from_secs(30))).expect("a timeout");
    let head = format!("{method} {path} HTTP/1.1\r\nHost: node\r\nConnection: close\r\n{headers}\r\n");
    stream.write_all(head.as_bytes()).expect("the request is sent");
    let mut bytes = Vec::new();
    stream.read_to_end(&mut bytes).expect("an answer");
    let end = bytes.windows(4).position(|four| four == b"\r\n\r\n").expect("a header");
    let head = String::from_utf8_lossy(&bytes[..end]).into_owned();
    let mut lines = head.lines();
    let status = lines.next().and_then(|line| line.split(' ').nth(1)?.parse().ok()).expect("a status");
    let header = |line: &str| line.split_once(": ").map(|(name, value)| (name.to_lowercase(), value.to_owned()));
    Answer { status, headers: lines.filter_map(header).collect(), body: bytes[end + 4..].to_vec() }
}

fn get(node: &TestNode, path: &str) -> Answer {
    ask(node, "GET", path, "")
}

/// The values of an attribute, in order.
fn attributes<'t>(html: &'t str, name: &str) -> Vec<&'t str> {
    let mark = format!(" {name}=\"");
    html.split(&mark[..]).skip(1).map(|rest| rest.split('"').next().unwrap_or_default()).collect()
}

/// What holds for every page, of trouble too.
fn check_page(path: &str, answer: &Answer) {
    let html = answer.text();
    assert_eq!(answer.header("content-type"), "text/html; charset=utf-8", "{path}");
    assert_eq!(answer.header("content-security-policy"), POLICY, "{path}");
    assert_eq!(answer.header("x-content-type-options"), "nosniff", "{path}");
    assert_eq!(answer.header("referrer-policy"), "no-referrer", "{path}");
    let lang = Lang::of_path(path).unwrap_or(Lang::En);
    assert!(html.contains(&format!("<html lang=\"{}\">", lang.tag())), "{path}: {html}");
    assert!(html.contains(&format!("<body data-lang=\"{}\" data-page=\"", lang.code())), "{path}");
    assert_eq!(html.matches("<h1").count(), 1, "{path}: {html}");
    for table in html.split("<table").skip(1) {
        let table = table.split("</table>").next().unwrap_or_default();
        let columns = table.matches("<th scope=\"col\"").count();
        for row in table.split("<tr>").skip(2) {
            let cells = ["<td>", "<td ", "<th scope=\"row\""].iter().map(|cell| row.matches(cell).count());
            assert_eq!(cells.sum::<usize>(), columns, "{path}: a cell for each column: {row}");
        }
    }
    assert_eq!(html.matches("<main ").count(), 1, "{path}");
    assert!(!html.contains(" style=") && !html.contains("<style") && !html.contains(" onclick="), "{path}");
    assert_eq!(html.matches("<script").count(), 1, "{path}");
    assert!(html.contains("<script type=\"module\" src=\"/assets/portal.js\"></script>"), "{path}");
    // Markup that was escaped once too often, or a text that stands nowhere.
    for wrong in ["&lt;time", "&lt;span", "&lt;a ", "&#60;", "{ $"] {
        assert!(!html.contains(wrong), "{path} shows {wrong}: {html}");
    }
    let ids = attributes(&html, "id");
    let unique: BTreeSet<_> = ids.iter().collect();
    assert_eq!(ids.len(), unique.len(), "{path} has an id twice: {ids:?}");
    for name in ["aria-labelledby", "aria-describedby", "for"] {
        for id in attributes(&html, name).iter().flat_map(|value| value.split(' ')) {
            assert!(unique.contains(&id), "{path}: {name} names {id}, which is not there");
        }
    }
    for source in attributes(&html, "src").into_iter().chain(attributes(&html, "action")) {
        assert!(source.starts_with('/') && !source.starts_with("//"), "{path} leads to {source}");
    }
}

/// A node on whose chain something happened; with the digest of a transaction.
fn busy_node(home: &Path) -> (TestNode, String) {
    let node = TestNode::start(home);
    let account = deployer();
    node.run(&account.send(0, deploy("land")));
    let receipt = node.run(&account.send(1, call("put", b"\x0cone")));
    (node, receipt["transaction"].as_str().expect("a digest").to_owned())
}

#[test]
fn every_page_answers_in_both_languages_and_forbids_what_it_does_not_need() {
    let home = tempfile::tempdir().expect("a temporary directory");
    let (node, digest) = busy_node(home.path());
    let pages = [
        ("/", "home"),
        ("/check", "check"),
        ("/check?digest=zz", "check"),
        ("/lottery", "lottery"),
        ("/waste", "waste"),
        ("/waste?household=00000000000000000000000000000000", "waste"),
        ("/trust", "trust"),
        ("/explorer", "explorer"),
        ("/explorer?q=nothing-like-this", "explorer"),
        ("/explorer/main", "explorer"),
        ("/explorer/main?before=2", "explorer"),
        ("/explorer/main/blocks/1", "explorer"),
        (&*format!("/explorer/main/transactions/{digest}"), "explorer"),
        ("/explorer/main/contracts", "explorer"),
        ("/explorer/main/contracts/land.box", "explorer"),
        ("/explorer/main/lanes", "explorer"),
        ("/explorer/main/nodes", "explorer"),
    ];
    for lang in Lang::ALL {
        for (path, kind) in pages {
            let path = format!("/{}{path}", lang.code());
            let answer = get(&node, &path);
            assert_eq!(answer.status, 200, "{path}: {}", answer.text());
            check_page(&path, &answer);
            let html = answer.text();
            assert!(html.contains(&format!("data-page=\"{kind}\" data-mainchain=\"main\"")), "{path}");
            assert!(html.contains("aria-current=\"page\"") || kind == "trouble", "{path}");
            // The same page in the other language is one link away.
            let other = format!("href=\"/{}{}\"", lang.other().code(), &path[3..]);
            assert!(html.contains(&other), "{path} lacks {other}");
        }
    }
    let transaction = get(&node, &format!("/en/explorer/main/transactions/{digest}")).text();
    assert!(transaction.contains("Calls put of land.box") && transaction.contains("6f6e65"), "{transaction}");
    let contract = get(&node, "/zh/explorer/main/contracts/land.box").text();
    assert!(contract.contains("<span lang=\"en\">Keeps one value.</span>"), "{contract}");
    assert!(contract.contains("data-field=\"value\" data-key=\"\""), "{contract}");
    let block = get(&node, "/en/explorer/main/blocks/1").text();
    assert!(block.contains("1 of 1 members voted"), "{block}");
    let chain = get(&node, "/en/explorer/main").text();
    assert!(chain.contains("<table id=\"blocks\">") && chain.contains("id=\"live\""), "{chain}");
    node.stop();
}

#[test]
fn all_that_pages_lead_to_is_there() {
    let home = tempfile::tempdir().expect("a temporary directory");
    let (node, _) = busy_node(home.path());
    let mut open: VecDeque<String> = Lang::ALL.iter().map(|lang| format!("/{}/", lang.code())).collect();
    let mut seen: BTreeSet<String> = open.iter().cloned().collect();
    let mut count = 0;
    while let Some(path) = open.pop_front() {
        count += 1;
        let answer = get(&node, &path);
        assert_eq!(answer.status, 200, "{path}: {}", answer.text());
        if !answer.header("content-type").starts_with("text/html") {
            continue;
        }
        check_page(&path, &answer);
        let html = answer.text();
        for href in attributes(&html, "href") {
            let target = href.split('#').next().unwrap_or_default().replace("&amp;", "&");
            // Blocks go on while this looks; a few are enough.
            let is_more =
                target.contains("/blocks/") && seen.iter().filter(|path| path.contains("/blocks/")).count() > 8;
            // The offline checker is made by the browser's build, which tests of the node do without.
            let is_file = target == "/offline.html";
            if !target.is_empty() && !is_more && !is_file && seen.insert(target.clone()) {
                open.push_back(target);
            }
        }
    }
    assert!(count > 30, "{seen:?}");
    node.stop();
}

#[test]
fn what_is_not_there_is_a_page_that_says_what_to_do() {
    let home = tempfile::tempdir().expect("a temporary directory");
    let node = TestNode::start(home.path());
    let zeros = "0".repeat(64);
    let cases = [
        (404, "/en/nothing".to_owned(), "trouble-page-title"),
        (404, "/zh/lottery/3".into(), "trouble-contract-title"),
        (404, "/en/explorer/nowhere".into(), "trouble-chain-title"),
        (404, "/zh/explorer/nowhere/blocks/1".into(), "trouble-chain-title"),
        (404, "/en/explorer/main/blocks/999999999".into(), "trouble-block-title"),
        (404, "/zh/explorer/main/blocks/0".into(), "trouble-block-title"),
        (404, format!("/en/explorer/main/transactions/{zeros}"), "trouble-transaction-title"),
        (404, "/zh/explorer/main/contracts/none".into(), "trouble-contract-title"),
        (400, "/en/explorer/main/blocks/first".into(), "trouble-parameter-title"),
        (400, "/zh/explorer/main/transactions/xyz".into(), "trouble-parameter-title"),
        (400, "/en/explorer/main/contracts/A.B.C".into(), "trouble-parameter-title"),
        (400, "/en/explorer/main?before=-1".into(), "trouble-parameter-title"),
        (400, format!("/zh/explorer?q={}", "9".repeat(2_000)), "trouble-parameter-title"),
        (400, "/en/explorer/%ff".into(), "trouble-parameter-title"),
    ];
    for (status, path, title) in cases {
        let answer = get(&node, &path);
        assert_eq!(answer.status, status, "{path}: {}", answer.text());
        check_page(&path, &answer);
        let lang = Lang::of_path(&path).expect("a language");
        let (title, todo) = (lang.t(title), lang.t(&title.replace("-title", "-todo")));
        let html = answer.text();
        assert!(html.contains(&format!("<h1>{title}</h1>")), "{path}: {html}");
        assert!(html.contains(todo.split('\'').next().unwrap_or_default()), "{path}: {html}");
    }
    let posted = ask(&node, "POST", "/en/check", "Content-Length: 0\r\n");
    assert_eq!(posted.status, 405);
    check_page("/en/check", &posted);
    // The API's own paths keep their own answers.
    let api = get(&node, "/v1/nothing");
    assert_eq!((api.status, api.header("content-type")), (404, "application/problem+json"));
    node.stop();
}

#[test]
fn the_first_path_leads_to_the_language_that_the_browser_asks_for() {
    let home = tempfile::tempdir().expect("a temporary directory");
    let node = TestNode::start(home.path());
    let cases = [
        ("", "/en/"),
        ("Accept-Language: zh-CN,zh;q=0.9,en;q=0.8\r\n", "/zh/"),
        ("Accept-Language: en-GB, zh;q=0.5\r\n", "/en/"),
        ("Accept-Language: de, zh-Hant;q=0.3\r\n", "/zh/"),
        ("Accept-Language: zh;q=0, fr\r\n", "/en/"),
        ("Accept-Language: ;;,q=x\r\n", "/en/"),
    ];
    for (header, target) in cases {
        let answer = ask(&node, "GET", "/", header);
        assert_eq!((answer.status, answer.header("location")), (302, target), "{header}");
        assert!(answer.header("vary").contains("Accept-Language"), "{header}");
        assert_eq!(answer.header("content-security-policy"), POLICY);
    }
    assert_eq!(get(&node, "/zh").header("location"), "/zh/");
    node.stop();
}

#[test]
fn what_is_searched_for_is_found() {
    let home = tempfile::tempdir().expect("a temporary directory");
    let (node, digest) = busy_node(home.path());
    let address = contract("land");
    let cases = [
        ("1".to_owned(), "/en/explorer/main/blocks/1".to_owned()),
        (digest.to_uppercase(), format!("/en/explorer/main/transactions/{digest}")),
        ("box".into(), format!("/en/explorer/main/contracts/{address}")),
        ("main/land.box".into(), format!("/en/explorer/main/contracts/{address}")),
        (address.to_string(), format!("/en/explorer/main/contracts/{address}")),
        ("+main+".into(), "/en/explorer/main".into()),
    ];
    for (query, target) in cases {
        let answer = get(&node, &format!("/en/explorer?q={query}"));
        assert_eq!((answer.status, answer.header("location")), (302, &*target), "{query}");
    }
    node.run(&deployer().send(2, deploy("water")));
    let both = get(&node, "/en/explorer?q=box").text();
    assert!(both.contains("Contract land.box on chain main") && both.contains("Contract water.box"), "{both}");
    node.stop();
}

#[test]
fn hostile_words_of_operators_and_visitors_are_words() {
    let home = tempfile::tempdir().expect("a temporary directory");
    let hostile = "<script>alert(1)</script>\"'&";
    let node = TestNode::start_with(home.path(), |config| {
        config.portal.name = hostile.into();
        config.portal.anchor_published =
            vec![hostile.into(), "https://gazette.example/anchor".into(), "javascript:alert(1)".into()];
    });
    let sent = "%3Cscript%3Ealert(1)%3C%2Fscript%3E%22%27%26";
    let paths =
        ["/en/trust", "/en/explorer?q=", "/en/check?digest=", "/en/waste?household=", "/zh/explorer/main/blocks/"];
    for path in paths {
        let path = if path.ends_with(['=', '/']) { format!("{path}{sent}") } else { path.to_owned() };
        let answer = get(&node, &path);
        assert!(answer.status == 200 || answer.status == 400, "{path}");
        let html = answer.text();
        assert!(!html.contains("<script>") && !html.contains("\"'&"), "{path}: {html}");
        assert_eq!(html.matches("<script").count(), 1, "{path}: {html}");
    }
    let trust = get(&node, "/en/trust").text();
    assert!(trust.contains("<a href=\"https://gazette.example/anchor\">"), "{trust}");
    assert!(!trust.contains("href=\"javascript:"), "{trust}");
    node.stop();
}

#[test]
fn the_anchor_that_is_shown_is_the_one_that_is_served() {
    let home = tempfile::tempdir().expect("a temporary directory");
    let node = TestNode::start(home.path());
    let anchor = get(&node, "/v1/chains/main/anchor").body;
    let fingerprint = crate::anchor::grouped(&chancery_abi::Digest::of(&anchor));
    for path in ["/en/", "/zh/trust"] {
        assert!(get(&node, path).text().contains(&fingerprint), "{path} lacks {fingerprint}");
    }
    node.stop();
}

#[test]
fn files_are_packed_and_not_sent_twice() {
    let home = tempfile::tempdir().expect("a temporary directory");
    let node = TestNode::start(home.path());
    let plain = get(&node, "/assets/portal.css");
    assert_eq!((plain.status, plain.header("content-type")), (200, "text/css; charset=utf-8"));
    assert_eq!((plain.header("cache-control"), plain.header("vary")), ("no-cache", "Accept-Encoding"));
    assert!(plain.body.len() < 15 * 1024, "{}", plain.body.len());
    let packed = ask(&node, "GET", "/assets/portal.css", "Accept-Encoding: br, gzip;q=0.8\r\n");
    assert_eq!(packed.header("content-encoding"), "gzip");
    assert!(packed.body.len() * 2 < plain.body.len());
    assert_eq!(unpacked(&packed.body), plain.body);
    let tag = plain.header("etag");
    let known = ask(&node, "GET", "/assets/portal.css", &format!("If-None-Match: \"x\", {tag}\r\n"));
    assert_eq!((known.status, known.body.len(), known.header("etag")), (304, 0, tag));
    assert_eq!(ask(&node, "GET", "/assets/portal.css", "Accept-Encoding: gzip;q=0\r\n").body, plain.body);
    assert_eq!(get(&node, "/assets/favicon.svg").header("content-type"), "image/svg+xml");
    for missing in ["/assets/none.css", "/assets/..%2f..%2fmod.rs", "/assets/offline.html"] {
        assert_eq!(get(&node, missing).status, 404, "{missing}");
    }
    let page = ask(&node, "GET", "/zh/trust", "Accept-Encoding: gzip\r\n");
    assert_eq!(page.header("content-encoding"), "gzip");
    assert!(page.header("vary").contains("Accept-Encoding"));
    let html = String::from_utf8(unpacked(&page.body)).expect("UTF-8");
    assert!(html.trim_end().ends_with("</html>"), "{html}");
    node.stop();
}

fn unpacked(bytes: &[u8]) -> Vec<u8> {
    let mut plain = Vec::new();
    GzDecoder::new(bytes).read_to_end(&mut plain).expect("gzip");
    plain
}

#[test]
fn a_node_without_a_portal_has_its_api_only() {
    let home = tempfile::tempdir().expect("a temporary directory");
    let node = TestNode::start_with(home.path(), |config| config.portal.enabled = false);
    for path in ["/", "/en/", "/assets/portal.css"] {
        let answer = get(&node, path);
        assert_eq!((answer.status, answer.header("content-type")), (404, "application/problem+json"), "{path}");
    }
    assert_eq!(get(&node, "/v1/chains").status, 200);
    node.stop();
}

/// The texts of a file, by id.
fn texts(source: &str) -> BTreeMap<&str, &str> {
    let mut texts = BTreeMap::new();
    for line in source.lines().filter(|line| !line.is_empty() && !line.starts_with('#')) {
        let (id, text) = line.split_once(" = ").unwrap_or_else(|| panic!("every text stands on one line: {line:?}"));
        assert!(texts.insert(id, text.trim()).is_none(), "{id} is there twice");
    }
    texts
}

fn placeholders(text: &str) -> BTreeSet<&str> {
    text.split("{ $").skip(1).map(|rest| rest.split(" }").next().unwrap_or_default()).collect()
}

#[test]
fn both_languages_say_the_same_things() {
    let (english, chinese) = (texts(ENGLISH), texts(CHINESE));
    let ids = |texts: &BTreeMap<&'static str, &str>| texts.keys().copied().collect::<Vec<_>>();
    assert_eq!(ids(&english), ids(&chinese));
    for (id, text) in &english {
        let other = chinese[id];
        assert!(!text.is_empty() && !other.is_empty(), "{id}");
        assert_eq!(placeholders(text), placeholders(other), "{id}");
        assert!(!text.contains(['<', '>']) && !other.contains(['<', '>']), "{id} holds markup");
        assert!(text.is_ascii() || text.contains(['…']), "{id}: {text:?} is not plain English");
    }
}

/// Files of the portal in a folder whose names end so.
fn sources(folder: &str, ending: &str) -> Vec<(PathBuf, String)> {
    let mut found = Vec::new();
    let mut open = vec![Path::new(env!("CARGO_MANIFEST_DIR")).join("src/portal").join(folder)];
    while let Some(directory) = open.pop() {
        for entry in std::fs::read_dir(&directory).expect("a directory") {
            let path = entry.expect("an entry").path();
            if path.is_dir() {
                open.push(path);
            } else if path.to_string_lossy().ends_with(ending) && !path.ends_with("tests.rs") {
                let text = std::fs::read_to_string(&path).expect("a text");
                found.push((path, text));
            }
        }
    }
    found
}

#[test]
fn every_text_that_is_used_is_there_and_every_one_that_is_there_is_used() {
    let known: BTreeSet<&str> = texts(ENGLISH).into_keys().collect();
    let mut used = BTreeSet::new();
    for (path, source) in sources("", ".rs").into_iter().chain(sources("templates", ".html")) {
        // However a call is broken into lines.
        let dense: String = source.chars().filter(|character| !character.is_whitespace()).collect();
        for mark in ["t(\"", "t1(\"", "format(\"", "number_head(\"", "holds(\"", "unknown(visit,\""] {
            for (at, _) in dense.match_indices(mark) {
                let is_whole = !dense[..at].ends_with(|before: char| before.is_alphanumeric() || before == '_');
                let id = dense[at + mark.len()..].split('"').next().unwrap_or_default();
                if is_whole
                    && !id.is_empty()
                    && id.chars().all(|c| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-')
                {
                    assert!(known.contains(id), "{}: there is no text {id:?}", path.display());
                    used.insert(id.to_owned());
                }
            }
        }
    }
    let unused: Vec<_> = known.iter().filter(|id| !used.contains(**id)).collect();
    assert!(unused.is_empty(), "no page shows {unused:?}");
}

#[test]
fn templates_and_looks_hold_neither_style_nor_script_of_their_own_nor_another_host() {
    for (path, source) in sources("templates", ".html") {
        for wrong in [" style=", "<style", "javascript:", " onclick=", " onload=", "http://", "https://"] {
            let found = source.replace("http://www.w3.org/2000/svg", "");
            assert!(!found.contains(wrong), "{} holds {wrong}", path.display());
        }
        let scripts = source.matches("<script").count();
        assert!(scripts == usize::from(path.ends_with("base.html")), "{}", path.display());
    }
    for (path, source) in sources("assets", ".css") {
        assert!(!source.contains("url(") && !source.contains("@import"), "{}", path.display());
    }
}
