//! Converts a weights file of PyTorch, torchvision or timm to Headstart's own format, as the page does with a file that is opened:
//!
//! `cargo run --profile test --package headstart-backbones --example convert -- FILE TARGET [int8] [hidden]`
//!
//! `int8` stores large convolutions in 8 bits, `hidden` keeps the fully connected layers of VGG.
//! Without TARGET, the weights are only loaded into a network.

use std::error::Error;
use std::fs::File;
use std::io::{BufReader, Write};
use std::time::Instant;

use burn::tensor::Device;
use headstart_backbones::{Backbone, Conversion, Storage, recognise};
use headstart_checkpoint::Checkpoint;

fn main() -> Result<(), Box<dyn Error>> {
    let mut paths = Vec::new();
    let (mut storage, mut is_hidden_kept) = (Storage::F16, false);
    for argument in std::env::args().skip(1) {
        match argument.as_str() {
            "int8" => storage = Storage::Int8,
            "hidden" => is_hidden_kept = true,
            _ => paths.push(argument),
        }
    }
    let source = paths.first().ok_or("names no file")?;
    let start = Instant::now();
    let mut file = Checkpoint::open(BufReader::new(File::open(source)?))?;
    let (id, plan) = recognise(file.tensors()).ok_or("these are no known model's weights")?;
    let plan = plan?;
    println!("{}, {} layers", id.title(), plan.layers.len());
    match paths.get(1) {
        Some(target) => {
            let mut target = File::create(target)?;
            let mut conversion = Conversion::new(id, &mut file, &plan, storage, is_hidden_kept)?;
            while let Some(piece) = conversion.next()? {
                target.write_all(&piece)?;
            }
            println!("{} bytes", conversion.progress().0);
        }
        None => {
            let device = Device::flex();
            let backbone = Backbone::open(id, &mut file, &plan, is_hidden_kept, &device)?;
            println!("{} numbers", backbone.parameters());
        }
    }
    println!("{:.1} s", start.elapsed().as_secs_f64());
    // Linux reports the peak memory use.
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    if let Some(peak) = status.lines().find(|line| line.starts_with("VmHWM")) {
        println!("{peak}");
    }
    Ok(())
}
