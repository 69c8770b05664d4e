//! Finds the programs that the other commands need, and installs what is missing.
//!
//! Rust programs go into `.tools/`, at pinned versions, so that nothing on the machine changes.
//! Programs of the system (Chromium, Node) are only installed where that is plainly wanted: on
//! Debian, as root, as in a container.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, Result, bail, ensure};

use crate::shell::{Project, find_program, read, run, step};

/// A program from crates.io.
struct Tool {
    /// The program's.
    name: &'static str,
    /// What it is installed from.
    package: &'static str,
    /// What it is built with beyond the package's defaults.
    features: &'static str,
    purpose: &'static str,
    /// How long it takes to compile on two cores.
    duration: &'static str,
    /// Whether its own lock file is honoured.
    locked: bool,
    /// How far it is optimized: what works through megabytes, well; what mostly starts other programs, not at all.
    opt_level: &'static str,
}

const TRUNK: Tool = Tool {
    name: "trunk",
    package: "trunk",
    features: "",
    purpose: "packs the site",
    duration: "about 4 minutes",
    locked: true,
    opt_level: "0",
};
// Version 0.22 needs a newer compiler than rust-toolchain.toml names.
const TRUNK_VERSION: &str = "0.21.14";

const WASM_BINDGEN: Tool = Tool {
    name: "wasm-bindgen",
    package: "wasm-bindgen-cli",
    features: "",
    purpose: "connects WebAssembly with JavaScript; it has to match the library in Cargo.lock",
    duration: "about 2 minutes",
    // Its lock file names a version that not every registry has.
    locked: false,
    opt_level: "3",
};

const WASM_SPLIT: Tool = Tool {
    name: "wasm-split-cli",
    package: "wasm_split_cli_support",
    features: "build-binary",
    purpose: "parts the page's WebAssembly",
    duration: "about a minute",
    locked: true,
    opt_level: "3",
};
// It has to understand what the library in Cargo.toml writes, and `split.rs` has to understand its script.
const WASM_SPLIT_VERSION: &str = "0.2.4";

const NEXTEST: Tool = Tool {
    name: "cargo-nextest",
    package: "cargo-nextest",
    features: "",
    purpose: "runs the native tests",
    duration: "about 3 minutes",
    locked: true,
    opt_level: "0",
};
const NEXTEST_VERSION: &str = "0.9.151";

const CARGO_DENY: Tool = Tool {
    name: "cargo-deny",
    package: "cargo-deny",
    features: "",
    purpose: "checks licences and sources of all dependencies",
    duration: "about a minute",
    locked: true,
    opt_level: "0",
};
const CARGO_DENY_VERSION: &str = "0.20.2";

/// The standard library for the browser.
pub fn wasm_target(project: &Project) -> Result<()> {
    const TARGET: &str = "wasm32-unknown-unknown";
    let mut rustc = project.command("rustc")?;
    rustc.args(["--print", "sysroot"]);
    let sysroot = read(rustc).context("could not ask rustc where it is installed")?;
    if Path::new(&sysroot)
        .join("lib/rustlib")
        .join(TARGET)
        .join("lib")
        .is_dir()
    {
        return Ok(());
    }
    ensure!(
        find_program("rustup").is_some(),
        "this Rust cannot compile for {TARGET}, and there is no rustup to add it. Install Rust \
         with rustup, or the package of your system that brings this target (on Debian, \
         libstd-rust-dev-wasm32)"
    );
    step(
        &format!("Installing Rust's {TARGET} target (a download of about 20 MB, once)"),
        || {
            let mut rustup = project.command("rustup")?;
            rustup.args(["target", "add", TARGET]);
            run(rustup).context("rustup could not add the target; it needs the network")
        },
    )
}

/// What packs the site: Trunk, what parts the page, and the wasm-bindgen that Trunk would otherwise download.
pub fn bundlers(project: &Project) -> Result<()> {
    cargo_tool(project, &TRUNK, TRUNK_VERSION)?;
    splitters(project)
}

/// What parts the page, and binds what is left.
pub fn splitters(project: &Project) -> Result<()> {
    cargo_tool(project, &WASM_SPLIT, WASM_SPLIT_VERSION)?;
    let lock =
        fs::read_to_string(project.path("Cargo.lock")).context("could not read Cargo.lock")?;
    let version =
        locked_version(&lock, "wasm-bindgen").context("Cargo.lock does not name wasm-bindgen")?;
    cargo_tool(project, &WASM_BINDGEN, version)
}

/// What runs the native tests.
pub fn nextest(project: &Project) -> Result<()> {
    cargo_tool(project, &NEXTEST, NEXTEST_VERSION)
}

/// What checks the dependencies.
pub fn cargo_deny(project: &Project) -> Result<()> {
    cargo_tool(project, &CARGO_DENY, CARGO_DENY_VERSION)
}

fn cargo_tool(project: &Project, tool: &Tool, version: &str) -> Result<()> {
    let Tool {
        name,
        package,
        features,
        purpose,
        duration,
        locked,
        opt_level,
    } = tool;
    // The project's own copy, or one in PATH that happens to be the right one.
    let own = project
        .tools()
        .join("bin")
        .join(format!("{name}{}", std::env::consts::EXE_SUFFIX));
    // Some programs do not say their version; Cargo has noted what it has installed.
    let notes = fs::read_to_string(project.tools().join(".crates.toml")).unwrap_or_default();
    let is_noted = own.is_file() && notes.contains(&format!("\"{package} {version} ("));
    let candidates = [Some(own), find_program(name)];
    let is_right = |program: PathBuf| {
        let mut command = Command::new(program);
        command.arg("--version");
        read(command).is_some_and(|text| text.split_whitespace().any(|word| word == version))
    };
    if is_noted || candidates.into_iter().flatten().any(is_right) {
        return Ok(());
    }

    let title = format!("Installing {name} {version} into .tools: it {purpose} ({duration}, once)");
    step(&title, || {
        let mut install = project.cargo(&["install", package, "--version", version, "--force"])?;
        install.args(["--features", features]);
        install.arg("--root").arg(project.tools());
        if *locked {
            install.arg("--locked");
        }
        // These programs are run a few times a day: compile them fast, not for the last per cent.
        install.env("CARGO_PROFILE_RELEASE_LTO", "off");
        install.env("CARGO_PROFILE_RELEASE_OPT_LEVEL", opt_level);
        install.env("CARGO_PROFILE_RELEASE_CODEGEN_UNITS", "16");
        run(install).context(
            "installing needs the network, a C compiler (on Debian, build-essential) and \
             permission to write into .tools",
        )
    })
}

/// The version of `package` in the text of a Cargo.lock.
fn locked_version<'a>(lock: &'a str, package: &str) -> Option<&'a str> {
    let name = format!("name = \"{package}\"");
    let mut lines = lock.lines().skip_while(|line| *line != name);
    lines
        .nth(1)?
        .strip_prefix("version = \"")?
        .strip_suffix('"')
}

/// A browser for the tests.
pub fn chromium() -> Result<PathBuf> {
    if let Some(path) = std::env::var_os("CHROMIUM").map(PathBuf::from) {
        ensure!(
            path.is_file(),
            "CHROMIUM names {}, which is no file",
            path.display()
        );
        return Ok(path);
    }
    let find = || {
        let names = [
            "chromium",
            "chromium-browser",
            "google-chrome-stable",
            "google-chrome",
        ];
        let places = [
            "/Applications/Chromium.app/Contents/MacOS/Chromium",
            "/Applications/Google Chrome.app/Contents/MacOS/Google Chrome",
            r"C:\Program Files\Google\Chrome\Application\chrome.exe",
        ];
        let in_path = names.iter().find_map(|name| find_program(name));
        in_path.or_else(|| {
            places
                .iter()
                .map(PathBuf::from)
                .find(|place| place.is_file())
        })
    };
    if let Some(path) = find() {
        return Ok(path);
    }
    if apt_install("the browser for the end-to-end tests", &["chromium"])? {
        return find().context("Chromium is not in PATH although apt-get has installed it");
    }
    bail!(
        "the end-to-end tests need Chromium or Chrome. Install it (on Debian, \
         `sudo apt-get install chromium`), or set CHROMIUM to the path of the program"
    )
}

/// Node and npm, and the npm packages of `folder` as its lock file names them.
pub fn node_packages(project: &Project, folder: &str) -> Result<()> {
    let has_node = || find_program("node").is_some() && find_npm().is_some();
    if !has_node() {
        apt_install("the runner of the end-to-end tests", &["nodejs", "npm"])?;
    }
    let mut node = Command::new("node");
    node.arg("--version");
    let major = read(node).and_then(|version| {
        version
            .trim_start_matches('v')
            .split('.')
            .next()?
            .parse::<u32>()
            .ok()
    });
    ensure!(
        has_node() && major.is_some_and(|major| major >= 20),
        "the end-to-end tests need Node 20 or later with npm (on Debian, \
         `sudo apt-get install nodejs npm`)"
    );

    let folder = project.path(folder);
    let modified = |file: &str| {
        fs::metadata(folder.join(file))
            .and_then(|it| it.modified())
            .ok()
    };
    // npm leaves this file in a finished installation.
    let installed = modified("node_modules/.package-lock.json");
    if installed.is_some() && installed >= modified("package-lock.json") {
        return Ok(());
    }
    step(
        &format!("Installing the npm packages of {}", folder.display()),
        || {
            let mut npm = npm(project)?;
            npm.current_dir(&folder)
                .args(["ci", "--no-audit", "--no-fund"]);
            run(npm).context("npm needs the network to install packages")
        },
    )
}

/// npm, by whatever name the system starts it.
pub fn npm(project: &Project) -> Result<Command> {
    project.command(find_npm().context("npm is not installed")?)
}

fn find_npm() -> Option<PathBuf> {
    if cfg!(windows) {
        find_windows_script("npm.cmd")
    } else {
        find_program("npm")
    }
}

fn find_windows_script(name: &str) -> Option<PathBuf> {
    let path = std::env::var_os("PATH")?;
    std::env::split_paths(&path)
        .map(|folder| folder.join(name))
        .find(|file| file.is_file())
}

/// Installs packages on a Debian system that belongs to us; elsewhere does nothing and says so
/// with `false`.
fn apt_install(purpose: &str, packages: &[&str]) -> Result<bool> {
    let mut id = Command::new("id");
    id.arg("-u");
    if find_program("apt-get").is_none() || read(id).as_deref() != Some("0") {
        return Ok(false);
    }
    step(
        &format!(
            "Installing {} with apt-get: {purpose}",
            packages.join(" and ")
        ),
        || {
            let apt = || {
                let mut apt = Command::new("apt-get");
                apt.env("DEBIAN_FRONTEND", "noninteractive").arg("-qq");
                apt
            };
            let mut update = apt();
            update.arg("update");
            run(update)?;
            let mut install = apt();
            install
                .args(["install", "--yes", "--no-install-recommends"])
                .args(packages);
            run(install)
        },
    )?;
    Ok(true)
}

#[cfg(test)]
mod tests {
    use super::locked_version;

    #[test]
    fn finds_the_version_of_exactly_the_named_package() {
        let lock = "[[package]]\nname = \"wasm-bindgen-macro\"\nversion = \"0.1.0\"\n\n\
                    [[package]]\nname = \"wasm-bindgen\"\nversion = \"0.2.130\"\n";
        assert_eq!(locked_version(lock, "wasm-bindgen"), Some("0.2.130"));
        assert_eq!(locked_version(lock, "wasm"), None);
    }
}
