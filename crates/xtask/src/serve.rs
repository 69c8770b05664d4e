//! `cargo xtask serve`: builds the site and serves it on this machine alone.

use std::fs::File;
use std::io;
use std::net::{Ipv4Addr, TcpListener};
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::Arc;
use std::thread;

use anyhow::{Context, Result, anyhow, bail};
use percent_encoding::percent_decode_str;
use tiny_http::{Header, Method, Request, Response, Server};

use crate::dist;
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
/// Browsers open about six connections at once.
const THREADS: usize = 6;

/// Builds the site and serves it until the process is ended.
pub fn run(project: &Project, options: &Options) -> Result<()> {
    // Before the build, so that nobody waits minutes for the news that the port is taken.
    let listener = listen(options.port)?;
    let address = format!("http://{}/", listener.local_addr()?);
    dist::build(project)?;
    let server = start(listener, project.dist())?;
    println!("\nHeadstart is at {address}");
    println!("It is served from dist/ on this machine only. Stop it with Ctrl+C.");
    if options.open && !open_browser(&address) {
        println!("The browser could not be started from here; open the address yourself.");
    }
    for thread in server {
        // A worker only ends by a panic, and its message is already on the terminal.
        if thread.join().is_err() {
            bail!("the server has stopped");
        }
    }
    Ok(())
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

/// Answers requests for the files under `root` on several threads.
fn start(listener: TcpListener, root: PathBuf) -> Result<Vec<thread::JoinHandle<()>>> {
    let root = root
        .canonicalize()
        .with_context(|| format!("{} is missing", root.display()))?;
    let server = Server::from_listener(listener, None)
        .map_err(|error| anyhow!("could not start the server: {error}"))?;
    let (server, root) = (Arc::new(server), Arc::new(root));
    let worker = |_| {
        let (server, root) = (Arc::clone(&server), Arc::clone(&root));
        thread::spawn(move || {
            for request in server.incoming_requests() {
                answer(request, &root);
            }
        })
    };
    Ok((0..THREADS).map(worker).collect())
}

fn answer(request: Request, root: &Path) {
    let is_readable = matches!(request.method(), Method::Get | Method::Head);
    let file = find(root, request.url());
    let result = match file {
        _ if !is_readable => request.respond(text(405, "Only GET and HEAD are answered here.")),
        Some(path) => match File::open(&path) {
            Ok(file) => {
                // In one piece with its length: the page shows how much has been loaded.
                let response = Response::from_file(file)
                    .with_chunked_threshold(usize::MAX)
                    .with_header(header("Content-Type", mime_type(&path)))
                    .with_header(header("Cache-Control", "no-cache"));
                request.respond(response)
            }
            Err(error) => request.respond(text(500, &format!("This file is unreadable: {error}"))),
        },
        None => request.respond(text(404, "There is no such file.")),
    };
    // The browser may hang up at any time, for instance when the page is reloaded.
    if let Err(error) = result
        && !matches!(
            error.kind(),
            io::ErrorKind::BrokenPipe | io::ErrorKind::ConnectionReset
        )
    {
        eprintln!("could not answer the browser: {error}");
    }
}

fn text(status: u16, text: &str) -> Response<io::Cursor<Vec<u8>>> {
    Response::from_string(text)
        .with_status_code(status)
        .with_header(header("Content-Type", "text/plain; charset=utf-8"))
        .with_header(header("Cache-Control", "no-cache"))
}

#[expect(
    clippy::expect_used,
    reason = "names and values are constants of this file"
)]
fn header(name: &str, value: &str) -> Header {
    Header::from_bytes(name, value).expect("a header of plain ASCII")
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
    use std::fs;
    use std::io::{Read, Write};
    use std::net::{SocketAddr, TcpStream};

    use super::*;

    /// Serves a small site and returns its address.
    fn serve() -> SocketAddr {
        let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../target/xtask-serve-test");
        let site = folder.join("site");
        fs::create_dir_all(site.join("assets")).unwrap();
        fs::write(folder.join("secret.txt"), "secret").unwrap();
        fs::write(site.join("index.html"), "<h1>Hello</h1>").unwrap();
        fs::write(site.join("assets/a b.wasm"), vec![7; 100_000]).unwrap();
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
        let address = listener.local_addr().unwrap();
        start(listener, site).unwrap();
        address
    }

    fn ask(address: SocketAddr, request: &str) -> String {
        let mut stream = TcpStream::connect(address).unwrap();
        write!(
            stream,
            "{request} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n"
        )
        .unwrap();
        let mut answer = Vec::new();
        stream.read_to_end(&mut answer).unwrap();
        String::from_utf8_lossy(&answer).into_owned()
    }

    #[test]
    fn answers_as_a_static_server_should() {
        let address = serve();

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
