//! What the commands share: where the project lies, how they run other programs, and how they say
//! what they are doing.

use std::ffi::OsStr;
use std::io::{BufRead, BufReader, Read};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::Mutex;
use std::time::{Duration, Instant};
use std::{env, thread};

use anyhow::{Context, Result, bail, ensure};

/// The checkout that this tool belongs to.
#[derive(Debug)]
pub struct Project {
    root: PathBuf,
}

impl Project {
    /// Finds the checkout.
    pub fn find() -> Result<Self> {
        // Cargo sets the variable when it runs the tool; the built-in value serves a bare binary.
        let manifest_dir = env::var_os("CARGO_MANIFEST_DIR")
            .map_or_else(|| PathBuf::from(env!("CARGO_MANIFEST_DIR")), PathBuf::from);
        let root = manifest_dir
            .ancestors()
            .nth(2)
            .context("the tool lies outside a checkout")?;
        Ok(Self {
            root: root.to_owned(),
        })
    }

    /// The path of something in the checkout.
    pub fn path(&self, relative: &str) -> PathBuf {
        self.root.join(relative)
    }

    /// The project's own programs: git-ignored, and installed nowhere else.
    pub fn tools(&self) -> PathBuf {
        self.path(".tools")
    }

    /// The finished site.
    pub fn dist(&self) -> PathBuf {
        self.path("dist")
    }

    /// A command that runs in the checkout and finds the project's own programs first.
    pub fn command(&self, program: impl AsRef<OsStr>) -> Result<Command> {
        let mut folders = vec![self.tools().join("bin")];
        if let Some(path) = env::var_os("PATH") {
            folders.extend(env::split_paths(&path));
        }
        let mut command = Command::new(program);
        command
            .current_dir(&self.root)
            .env("PATH", env::join_paths(folders)?);
        Ok(command)
    }

    /// `cargo` with the given arguments.
    pub fn cargo(&self, arguments: &[&str]) -> Result<Command> {
        let mut command = self.command(env::var_os("CARGO").unwrap_or_else(|| "cargo".into()))?;
        command.args(arguments);
        Ok(command)
    }
}

/// Says what begins, does it, and says how long it took.
///
/// An error is headed by the title, so that the reader knows which step failed.
pub fn step<T>(title: &str, work: impl FnOnce() -> Result<T>) -> Result<T> {
    println!("\n==> {title}");
    let start = Instant::now();
    let value = work().with_context(|| format!("\"{title}\" failed"))?;
    let duration = start.elapsed();
    println!("    done in {} ({title})", in_words(duration));
    if let Ok(mut steps) = STEPS.lock() {
        steps.push((title.to_owned(), duration));
    }
    Ok(value)
}

static STEPS: Mutex<Vec<(String, Duration)>> = Mutex::new(Vec::new());

/// How long each step took so far, in the order in which they ended.
pub fn steps() -> Vec<(String, Duration)> {
    STEPS.lock().map(|steps| steps.clone()).unwrap_or_default()
}

/// A duration as people say it: `4.2 s`, `3 min 20 s`.
pub fn in_words(duration: Duration) -> String {
    let seconds = duration.as_secs();
    if seconds < 60 {
        format!("{:.1} s", duration.as_secs_f32())
    } else {
        format!("{} min {} s", seconds / 60, seconds % 60)
    }
}

/// Runs a command to its end, with its output on the terminal.
pub fn run(mut command: Command) -> Result<()> {
    println!("    {}", line_of(&command));
    let status = command
        .status()
        .with_context(|| could_not_start(&command))?;
    ensure!(
        status.success(),
        "{} ended with {status}",
        line_of(&command)
    );
    Ok(())
}

/// As [`run`], but shows what the command printed only when it fails.
pub fn run_quietly(mut command: Command) -> Result<()> {
    println!("    {}", line_of(&command));
    let output = command
        .output()
        .with_context(|| could_not_start(&command))?;
    if !output.status.success() {
        eprintln!("{}", String::from_utf8_lossy(&output.stdout));
        eprintln!("{}", String::from_utf8_lossy(&output.stderr));
        bail!("{} ended with {}", line_of(&command), output.status);
    }
    Ok(())
}

/// As [`run`], and also returns everything that the command printed.
///
/// The program is asked for text without colours, which could not be searched.
pub fn run_and_read(mut command: Command) -> Result<Output> {
    println!("    {}", line_of(&command));
    command
        .env("CARGO_TERM_COLOR", "never")
        .env_remove("FORCE_COLOR");
    command.stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut child = command.spawn().with_context(|| could_not_start(&command))?;
    let readers = [
        child
            .stdout
            .take()
            .map(|stream| thread::spawn(|| print_and_keep(stream))),
        child
            .stderr
            .take()
            .map(|stream| thread::spawn(|| print_and_keep(stream))),
    ];
    let mut lines = Vec::new();
    for reader in readers.into_iter().flatten() {
        match reader.join() {
            Ok(read) => lines.extend(read?),
            Err(_) => bail!("could not read the output of {}", line_of(&command)),
        }
    }
    let succeeded = child.wait()?.success();
    Ok(Output { succeeded, lines })
}

/// What a finished command has left.
pub struct Output {
    /// Whether its exit status was zero.
    pub succeeded: bool,
    /// What it printed: first its standard output, then its standard error.
    pub lines: Vec<String>,
}

fn print_and_keep(stream: impl Read) -> Result<Vec<String>> {
    let mut lines = Vec::new();
    for line in BufReader::new(stream).split(b'\n') {
        let line = String::from_utf8_lossy(&line?).trim_end().to_owned();
        println!("{line}");
        lines.push(line);
    }
    Ok(lines)
}

/// What a program prints on its standard output; nothing when it does not start or fails.
pub fn read(mut command: Command) -> Option<String> {
    let output = command.stderr(Stdio::null()).output().ok()?;
    output
        .status
        .success()
        .then(|| String::from_utf8_lossy(&output.stdout).trim().to_owned())
}

/// The program's place in PATH.
pub fn find_program(name: &str) -> Option<PathBuf> {
    let file = format!("{name}{}", env::consts::EXE_SUFFIX);
    let path = env::var_os("PATH")?;
    env::split_paths(&path)
        .map(|folder| folder.join(&file))
        .find(|candidate| candidate.is_file())
}

/// The command as one would type it.
pub fn line_of(command: &Command) -> String {
    let program = Path::new(command.get_program())
        .file_name()
        .unwrap_or_default();
    let words = std::iter::once(program).chain(command.get_args());
    words
        .map(|word| word.to_string_lossy())
        .collect::<Vec<_>>()
        .join(" ")
}

fn could_not_start(command: &Command) -> String {
    format!(
        "could not start {}",
        command.get_program().to_string_lossy()
    )
}
