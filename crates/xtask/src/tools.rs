//! Finds the programs that the other commands need, and installs what is missing.
//!
//! Rust programs go into `.tools/`, at pinned versions, so that nothing on the machine changes.
//! Programs of the system (Chromium, Node) are only installed where that is plainly wanted: on
//! Debian, as root, as in a container.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, Result, bail, ensure};

use crate::shell::{Project, find_program, read, run, run_quietly, step};

/// A program from crates.io.
struct Tool {
    name: &'static str,
    version: &'static str,
    purpose: &'static str,
    /// How long it takes to compile on two cores.
    duration: &'static str,
}

const TRUNK: Tool = Tool {
    name: "trunk",
    // 0.22 needs a newer compiler than rust-toolchain.toml names.
    version: "0.21.14",
    purpose: "packs the site",
    duration: "about 2 minutes",
};

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

/// What packs the site.
pub fn trunk(project: &Project) -> Result<()> {
    cargo_tool(project, &TRUNK)
}

/// Whether there is a cargo-deny, which checks licences and sources of all dependencies.
pub fn has_cargo_deny(project: &Project) -> bool {
    find_program("cargo-deny").is_some() || own(project, "cargo-deny").is_file()
}

/// Where the project's own copy of a program is, or would be.
fn own(project: &Project, name: &str) -> PathBuf {
    let file = format!("{name}{}", std::env::consts::EXE_SUFFIX);
    project.tools().join("bin").join(file)
}

/// Whether the project's own copy, or a program in PATH, is of the right version.
fn is_there(project: &Project, tool: &Tool) -> bool {
    let candidates = [Some(own(project, tool.name)), find_program(tool.name)];
    candidates.into_iter().flatten().any(|program| {
        let mut command = Command::new(program);
        command.arg("--version");
        read(command).is_some_and(|text| text.split_whitespace().any(|word| word == tool.version))
    })
}

fn cargo_tool(project: &Project, tool: &Tool) -> Result<()> {
    let Tool {
        name,
        version,
        purpose,
        duration,
    } = tool;
    if is_there(project, tool) {
        return Ok(());
    }
    let title = format!("Installing {name} {version} into .tools: it {purpose} ({duration}, once)");
    step(&title, || {
        let mut install = project.cargo(&["install", name, "--version", version, "--force"])?;
        install.arg("--locked").arg("--root").arg(project.tools());
        // Asking for updates and encrypted connections are not wanted.
        install.arg("--no-default-features");
        // It mostly starts other programs: compile it fast, not well.
        install.env("CARGO_PROFILE_RELEASE_LTO", "off");
        install.env("CARGO_PROFILE_RELEASE_OPT_LEVEL", "0");
        install.env("CARGO_PROFILE_RELEASE_CODEGEN_UNITS", "16");
        // What it prints would run into the output of what is built beside it.
        run_quietly(install).context(
            "installing needs the network, a C compiler (on Debian, build-essential) and \
             permission to write into .tools",
        )
    })
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
