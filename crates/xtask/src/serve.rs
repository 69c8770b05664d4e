//! `cargo xtask serve`: builds the site and serves it on this machine alone.

use std::fs::{self, File};
use std::io::{self, BufRead, BufReader, Read, Write};
use std::net::{Ipv4Addr, TcpListener, TcpStream};
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::Arc;
use std::thread;
use std::time::{Duration, SystemTime};

use anyhow::{Context, Result, anyhow};
use percent_encoding::percent_decode_str;

use crate::binaries::LATER;
use crate::dist::{self, Purpose};
use crate::shell::Project;

/// What the command line asks for.
#[derive(Debug, Default)]
pub struct Options {
    /// Exactly this port; the first free one from [`FIRST_PORT`] when absent.
    pub port: Option<u16>,
    /// Whether to show the page in the browser.
    pub open: bool,
}

const FIRST_PORT: u16 = 8000;
/// How many ports are tried before giving up.
const PORTS: u16 = 100;
/// The most that the head of a request may hold.
const HEAD_BYTES: u64 = 64 * 1024;
/// Browsers open connections in advance; one that stays silent this long is given up.
const PATIENCE: Duration = Duration::from_secs(30);

/// Builds the site and serves it until the process is ended.
pub fn run(project: &Project, options: &Options) -> Result<()> {
    // Before the build, so that nobody waits minutes for the news that the port is taken.
    let listener = listen(options.port)?;
    let address = format!("http://{}/", listener.local_addr()?);
    dist::build(project, Purpose::First)?;
    let root = project.dist().canonicalize()?;
    println!("\nHeadstart is at {address}");
    println!("It is served from dist/ on this machine only. Stop it with Ctrl+C.");
    println!(
        "Still coming, minutes the first time; until then the page takes the processor, and after \
         that reload it:"
    );
    for binary in LATER {
        println!("  - {}", binary.title);
    }
    if options.open && !open_browser(&address) {
        println!("The browser could not be started from here; open the address yourself.");
    }
    thread::scope(|scope| {
        scope.spawn(|| build_on(project));
        serve(&listener, root);
    });
    Ok(())
}

/// Builds what is still missing, and everything anew whenever a source changes; an error waits for the next change.
fn build_on(project: &Project) {
    let mut seen = newest(project);
    let mut result = dist::build_later(project);
    if result.is_ok() {
        println!(
            "\nEverything is built. A changed file is built anew by itself; reload the page then."
        );
    }
    loop {
        if let Err(error) = result {
            eprintln!("\nerror: {error:#}\nThe next change of a file tries again.");
        }
        seen = wait_for_change(project, seen);
        result = dist::build(project, Purpose::Work);
    }
}

/// What the site is built from.
const SOURCES: [&str; 12] = [
    "index.html",
    "Cargo.toml",
    "Trunk.toml",
    "crates",
    "web/Cargo.toml",
    "web/build.rs",
    "web/src",
    "web/styles",
    "web/public",
    "web/pages",
    "web/sample",
    "weights",
];
/// Cheap enough to repeat for ever, and it works on every system and in every container, where notices of changes may not.
const GLANCE: Duration = Duration::from_millis(500);

/// Waits until a source is newer than `seen`, and returns the time of the newest.
fn wait_for_change(project: &Project, seen: Option<SystemTime>) -> Option<SystemTime> {
    loop {
        let now = newest(project);
        if now > seen {
            return now;
        }
        thread::sleep(GLANCE);
    }
}

/// When a source was changed last.
fn newest(project: &Project) -> Option<SystemTime> {
    let mut folders: Vec<_> = SOURCES.map(|name| project.path(name)).into();
    let mut newest = None;
    while let Some(path) = folders.pop() {
        let Ok(metadata) = path.metadata() else {
            continue;
        };
        newest = newest.max(metadata.modified().ok());
        if metadata.is_dir() {
            let entries = fs::read_dir(path).into_iter().flatten().flatten();
            folders.extend(entries.map(|entry| entry.path()));
        }
    }
    newest
}

fn listen(port: Option<u16>) -> Result<TcpListener> {
    if let Some(port) = port {
        return TcpListener::bind((Ipv4Addr::LOCALHOST, port)).map_err(|error| {
            match error.kind() {
                io::ErrorKind::AddrInUse => anyhow!(
                    "port {port} is taken by another program; choose another with --port, or leave \
                 --port out to get a free one"
                ),
                io::ErrorKind::PermissionDenied => {
                    anyhow!("this user may not open port {port}; choose one above 1023")
                }
                _ => anyhow!("could not open port {port}: {error}"),
            }
        });
    }
    (FIRST_PORT..FIRST_PORT + PORTS)
        .find_map(|port| TcpListener::bind((Ipv4Addr::LOCALHOST, port)).ok())
        .with_context(|| {
            let last = FIRST_PORT + PORTS - 1;
            format!("no port from {FIRST_PORT} to {last} is free; choose one with --port")
        })
}

/// Answers every connection in a thread of its own, for as long as the process runs.
fn serve(listener: &TcpListener, root: PathBuf) {
    let root = Arc::new(root);
    for stream in listener.incoming() {
        let root = Arc::clone(&root);
        let answer = move |stream| answer(stream, &root);
        thread::spawn(move || {
            if let Err(error) = stream.and_then(answer)
                && !is_hang_up(&error)
            {
                eprintln!("could not answer the browser: {error}");
            }
        });
    }
}

/// Whether the browser has left, as it may at any time: the page was reloaded, or it never asked.
fn is_hang_up(error: &io::Error) -> bool {
    use io::ErrorKind::{
        BrokenPipe, ConnectionAborted, ConnectionReset, TimedOut, UnexpectedEof, WouldBlock,
    };
    let kinds = [
        BrokenPipe,
        ConnectionAborted,
        ConnectionReset,
        TimedOut,
        UnexpectedEof,
        WouldBlock,
    ];
    kinds.contains(&error.kind())
}

/// Reads one request and answers it.
fn answer(mut stream: TcpStream, root: &Path) -> io::Result<()> {
    stream.set_read_timeout(Some(PATIENCE))?;
    stream.set_write_timeout(Some(PATIENCE))?;
    let mut head = BufReader::new(stream.try_clone()?.take(HEAD_BYTES)).lines();
    let mut line = || {
        head.next()
            .unwrap_or(Err(io::ErrorKind::UnexpectedEof.into()))
    };
    let request = line()?;
    // Nothing in the headers changes the answer.
    while !line()?.is_empty() {}

    let mut words = request.split(' ');
    let (method, target) = (words.next().unwrap_or(""), words.next().unwrap_or(""));
    if !matches!(method, "GET" | "HEAD") {
        return respond_text(
            &mut stream,
            "405 Method Not Allowed",
            "Only GET and HEAD are answered.",
        );
    }
    let Some(path) = find(root, target) else {
        return respond_text(&mut stream, "404 Not Found", "There is no such file.");
    };
    let mut file = File::open(&path)?;
    respond_head(
        &mut stream,
        "200 OK",
        mime_type(&path),
        file.metadata()?.len(),
    )?;
    if method == "GET" {
        io::copy(&mut file, &mut stream)?;
    }
    Ok(())
}

fn respond_text(stream: &mut TcpStream, status: &str, text: &str) -> io::Result<()> {
    respond_head(
        stream,
        status,
        "text/plain; charset=utf-8",
        text.len() as u64,
    )?;
    stream.write_all(text.as_bytes())
}

fn respond_head(stream: &mut TcpStream, status: &str, mime: &str, bytes: u64) -> io::Result<()> {
    // Without caching, so that a reload always shows the newest build.
    let head = format!(
        "HTTP/1.1 {status}\r\nContent-Type: {mime}\r\nContent-Length: {bytes}\r\n\
         Cache-Control: no-cache\r\nConnection: close\r\n\r\n"
    );
    stream.write_all(head.as_bytes())
}

/// The file that a request's target means, if there is one inside `root`.
fn find(root: &Path, target: &str) -> Option<PathBuf> {
    let path = target.split(['?', '#']).next()?.strip_prefix('/')?;
    let path = percent_decode_str(path).decode_utf8().ok()?;
    // Nothing but plain names: no way up, no other drive, no Windows separators.
    let is_plain = |name: &str| name != ".." && !name.contains(['\\', ':', '\0']);
    if !path.split('/').all(is_plain) {
        return None;
    }
    let mut file = root.join(path.trim_start_matches('/'));
    if file.is_dir() {
        file.push("index.html");
    }
    // Resolves links, so that none leads out either.
    let file = file.canonicalize().ok()?;
    (file.starts_with(root) && file.is_file()).then_some(file)
}

fn mime_type(path: &Path) -> &'static str {
    match path
        .extension()
        .and_then(|extension| extension.to_str())
        .unwrap_or("")
    {
        "html" => "text/html; charset=utf-8",
        "css" => "text/css; charset=utf-8",
        "js" | "mjs" => "text/javascript; charset=utf-8",
        "json" => "application/json",
        "webmanifest" => "application/manifest+json",
        "wasm" => "application/wasm",
        "svg" => "image/svg+xml",
        "png" => "image/png",
        "jpg" | "jpeg" => "image/jpeg",
        "webp" => "image/webp",
        "ico" => "image/x-icon",
        "woff2" => "font/woff2",
        "zip" => "application/zip",
        "txt" | "md" => "text/plain; charset=utf-8",
        _ => "application/octet-stream",
    }
}

fn open_browser(address: &str) -> bool {
    let mut command = if cfg!(target_os = "macos") {
        Command::new("open")
    } else if cfg!(windows) {
        Command::new("explorer")
    } else {
        Command::new("xdg-open")
    };
    command.arg(address).spawn().is_ok()
}

#[cfg(test)]
mod tests {
    use std::net::SocketAddr;

    use super::*;

    /// Serves a small site and returns its address.
    fn serve_site() -> SocketAddr {
        let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../target/xtask-serve-test");
        let site = folder.join("site");
        fs::create_dir_all(site.join("assets")).unwrap();
        fs::write(folder.join("secret.txt"), "secret").unwrap();
        fs::write(site.join("index.html"), "<h1>Hello</h1>").unwrap();
        fs::write(site.join("assets/a b.wasm"), vec![7; 100_000]).unwrap();
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
        let address = listener.local_addr().unwrap();
        let root = site.canonicalize().unwrap();
        thread::spawn(move || serve(&listener, root));
        address
    }

    fn ask(address: SocketAddr, request: &str) -> String {
        let mut stream = TcpStream::connect(address).unwrap();
        write!(stream, "{request} HTTP/1.1\r\nHost: localhost\r\n\r\n").unwrap();
        let mut answer = Vec::new();
        stream.read_to_end(&mut answer).unwrap();
        String::from_utf8_lossy(&answer).into_owned()
    }

    #[test]
    fn answers_as_a_static_server_should() {
        let address = serve_site();

        let index = ask(address, "GET /?device=cpu");
        assert!(index.starts_with("HTTP/1.1 200"), "{index}");
        assert!(
            index.contains("Content-Type: text/html; charset=utf-8"),
            "{index}"
        );
        assert!(index.contains("Cache-Control: no-cache"), "{index}");
        assert!(index.ends_with("<h1>Hello</h1>"), "{index}");

        let wasm = ask(address, "GET /assets/a%20b.wasm");
        assert!(wasm.contains("Content-Type: application/wasm"), "{wasm}");
        assert!(wasm.contains("Content-Length: 100000"), "{wasm}");

        let head = ask(address, "HEAD /assets/a%20b.wasm");
        assert!(head.starts_with("HTTP/1.1 200"), "{head}");
        assert!(head.ends_with("\r\n\r\n"), "{head}");

        assert!(ask(address, "GET /missing.js").starts_with("HTTP/1.1 404"));
        assert!(ask(address, "POST /").starts_with("HTTP/1.1 405"));
        for way_out in [
            "/../secret.txt",
            "/%2e%2e/secret.txt",
            "/assets/..%2f..%2fsecret.txt",
            "/..%5csecret.txt",
            "//etc/passwd",
            "/%2fetc/passwd",
            "/c:/windows/win.ini",
            "/index.html%00",
            "/%ff",
        ] {
            let answer = ask(address, &format!("GET {way_out}"));
            assert!(answer.starts_with("HTTP/1.1 404"), "{way_out}: {answer}");
        }
    }

    #[test]
    fn says_which_port_is_taken() {
        let taken = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
        let port = taken.local_addr().unwrap().port();
        let error = listen(Some(port)).unwrap_err().to_string();
        assert!(
            error.contains(&port.to_string()) && error.contains("taken"),
            "{error}"
        );
    }
}
