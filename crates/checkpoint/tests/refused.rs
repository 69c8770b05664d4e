//! Files that are refused, and the reasons given.
#![allow(clippy::unwrap_used, reason = "a test may fail so")]

mod support;

use std::fs;

use headstart_checkpoint::{Checkpoint, CheckpointError, TensorProblem};
use support::*;

/// Why a file is refused, when it is opened or when its tensors are read.
fn refusal(bytes: &[u8]) -> CheckpointError {
    let mut checkpoint = match open(bytes) {
        Ok(checkpoint) => checkpoint,
        Err(error) => return error,
    };
    let names: Vec<_> = checkpoint
        .tensors()
        .iter()
        .map(|tensor| tensor.name.clone())
        .collect();
    let error = names.iter().find_map(|name| checkpoint.read(name).err());
    error.unwrap_or_else(|| panic!("{names:?} are read"))
}

#[test]
fn what_pytorch_writes_and_is_no_plain_weights() {
    let refused = |file: &str| refusal(&fs::read(golden("refused").join(file)).unwrap());
    let name = |name: &str| CheckpointError::ForbiddenName { name: name.into() };
    let tensor = |problem| CheckpointError::Tensor {
        name: "weight".into(),
        problem,
    };
    let expected = [
        (
            "whole_model.pth",
            name("torch.nn.modules.container.Sequential"),
        ),
        (
            "whole_model_legacy.pth",
            name("torch.nn.modules.linear.Identity"),
        ),
        (
            "torchscript.pth",
            CheckpointError::Foreign {
                format: "a TorchScript program",
            },
        ),
        ("quantized.pth", name("torch._utils._rebuild_qtensor")),
        ("sparse.pth", name("torch._utils._rebuild_sparse_tensor")),
        ("float8.pth", name("torch._utils._rebuild_tensor_v3")),
        ("complex.pth", name("torch.ComplexFloatStorage")),
        ("expanded.pth", tensor(TensorProblem::Overlapping)),
        ("nothing.pth", CheckpointError::NoTensors),
        ("nan.pth", tensor(TensorProblem::NotFinite)),
        ("beyond_f32.pth", tensor(TensorProblem::NotFinite)),
        ("integers.pth", tensor(TensorProblem::NotFloat)),
        ("big_endian.pth", CheckpointError::BigEndian),
    ];
    for (file, error) in &expected {
        assert_eq!(refused(file), *error, "{file}");
    }
    assert!(matches!(
        refused("compressed.pth"),
        CheckpointError::Packed { .. }
    ));
    let files = fs::read_dir(golden("refused")).unwrap().count();
    assert_eq!(files, expected.len() + 1);
}

/// Pickles that do something when Python opens them, each in both kinds of file.
#[test]
fn hostile_pickles_are_refused() {
    let name = |name: &str| CheckpointError::ForbiddenName { name: name.into() };
    let instruction = |name: &str| CheckpointError::ForbiddenInstruction {
        instruction: name.into(),
    };
    let call = |name: &str| CheckpointError::ForbiddenCall { name: name.into() };
    let command = [b"(".to_vec(), text("id"), b"t".to_vec()].concat();
    let with = |before: &[u8], after: &[u8]| {
        [
            b"\x80\x02".to_vec(),
            before.to_vec(),
            command.clone(),
            after.to_vec(),
        ]
        .concat()
    };
    let ordered = "collections.OrderedDict";
    let damaged = |detail: &str| CheckpointError::Damaged {
        detail: detail.into(),
    };
    let cases: Vec<(&str, Vec<u8>, CheckpointError)> = vec![
        (
            "os.system by REDUCE",
            with(b"cos\nsystem\n", b"R."),
            name("os.system"),
        ),
        (
            "posix.system",
            with(b"cposix\nsystem\n", b"R."),
            name("posix.system"),
        ),
        (
            "eval",
            with(b"c__builtin__\neval\n", b"R."),
            name("__builtin__.eval"),
        ),
        (
            "getattr",
            with(b"cbuiltins\ngetattr\n", b"R."),
            name("builtins.getattr"),
        ),
        (
            "a tensor's method",
            with(b"ctorch\nTensor.__reduce__\n", b"R."),
            name("torch.Tensor.__reduce__"),
        ),
        (
            "torch.load",
            with(b"ctorch\nload\n", b"R."),
            name("torch.load"),
        ),
        (
            "torch.hub",
            with(b"ctorch.hub\nload\n", b"R."),
            name("torch.hub.load"),
        ),
        (
            "STACK_GLOBAL",
            [
                b"\x80\x04\x8c\x02os\x8c\x06system\x93".to_vec(),
                command.clone(),
                b"R.".to_vec(),
            ]
            .concat(),
            name("os.system"),
        ),
        (
            "STACK_GLOBAL of no text",
            b"\x80\x04NN\x93.".to_vec(),
            damaged("a Python name is no text"),
        ),
        (
            "a name with control characters",
            b"\x80\x02cos\x1b[2J\nsystem\n.".to_vec(),
            name("os\u{fffd}[2J.system"),
        ),
        (
            "INST",
            b"\x80\x02(X\x02\0\0\0idios\nsystem\n.".to_vec(),
            instruction("INST"),
        ),
        (
            "OBJ",
            b"\x80\x02(ccollections\nOrderedDict\no.".to_vec(),
            instruction("OBJ"),
        ),
        (
            "NEWOBJ",
            b"\x80\x02ccollections\nOrderedDict\n)\x81.".to_vec(),
            instruction("NEWOBJ"),
        ),
        (
            "NEWOBJ_EX",
            b"\x80\x04ccollections\nOrderedDict\n)}\x92.".to_vec(),
            instruction("NEWOBJ_EX"),
        ),
        ("EXT1", b"\x80\x02\x82\x01.".to_vec(), instruction("EXT1")),
        ("EXT2", b"\x80\x02\x83\x01\0.".to_vec(), instruction("EXT2")),
        (
            "EXT4",
            b"\x80\x02\x84\x01\0\0\0.".to_vec(),
            instruction("EXT4"),
        ),
        (
            "PERSID",
            b"\x80\x02Pos.system\n.".to_vec(),
            instruction("PERSID"),
        ),
        (
            "BINPERSID of a text",
            [b"\x80\x02".to_vec(), text("os"), b"Q.".to_vec()].concat(),
            damaged("a storage is not described as expected"),
        ),
        (
            "BINPERSID of a module",
            [b"\x80\x02(".to_vec(), text("module"), b"NNNtQ.".to_vec()].concat(),
            damaged("a storage is not described as expected"),
        ),
        (
            "LONG4 of 2^31",
            b"\x80\x02\x8b\0\0\0\x80.".to_vec(),
            instruction("LONG4"),
        ),
        (
            "BINBYTES8",
            b"\x80\x04\x8e\xff\xff\xff\xff\xff\xff\xff\x7f.".to_vec(),
            instruction("BINBYTES8"),
        ),
        (
            "an unknown instruction",
            b"\x80\x02\xff.".to_vec(),
            instruction("0xff"),
        ),
        (
            "an unknown version",
            b"\x80\x09N.".to_vec(),
            damaged("its pickle has an unknown version"),
        ),
        (
            "BUILD with __setstate__",
            [
                b"\x80\x02ccollections\nOrderedDict\n)R}".to_vec(),
                text("__setstate__"),
                b"Nsb.".to_vec(),
            ]
            .concat(),
            call("__setstate__"),
        ),
        (
            "BUILD with a state that is no table",
            b"\x80\x02ccollections\nOrderedDict\n)RNb.".to_vec(),
            call("__setstate__"),
        ),
        (
            "BUILD on a function",
            b"\x80\x02ctorch._utils\n_rebuild_tensor_v2\n}b.".to_vec(),
            call("__setstate__"),
        ),
        (
            "OrderedDict of a text",
            with(b"ccollections\nOrderedDict\n", b"R."),
            call(ordered),
        ),
        (
            "OrderedDict without a tuple",
            b"\x80\x02ccollections\nOrderedDict\nNR.".to_vec(),
            call(ordered),
        ),
        (
            "a storage class called",
            with(b"ctorch\nFloatStorage\n", b"R."),
            call("a storage class"),
        ),
        (
            "a parameter of no tensor",
            b"\x80\x02ctorch._utils\n_rebuild_parameter\nN\x89N\x87R.".to_vec(),
            call("torch._utils._rebuild_parameter"),
        ),
        (
            "a text called",
            with(&text("print"), b"R."),
            call("something that is no function"),
        ),
        (
            "a tensor of nothing",
            b"\x80\x02ctorch._utils\n_rebuild_tensor_v2\n)R.".to_vec(),
            damaged("a tensor is not described as expected"),
        ),
        (
            "a list that holds itself",
            b"\x80\x02]q\0h\0a.".to_vec(),
            CheckpointError::Recursive,
        ),
        (
            "a list that holds itself by a tuple",
            b"\x80\x02]q\0h\0\x85a.".to_vec(),
            CheckpointError::Recursive,
        ),
        (
            "a table that holds itself",
            b"\x80\x02}q\0K\x01h\0s.".to_vec(),
            CheckpointError::Recursive,
        ),
        (
            "100,000 nested tuples",
            [b"\x80\x02)".to_vec(), vec![0x85; 100_000], b".".to_vec()].concat(),
            CheckpointError::TooDeep { limit: 64 },
        ),
        (
            "100,000 nested lists",
            [
                b"\x80\x02".to_vec(),
                vec![b']'; 100_000],
                vec![b'a'; 99_999],
                b".".to_vec(),
            ]
            .concat(),
            CheckpointError::TooDeep { limit: 64 },
        ),
        (
            "100,000 marks",
            [
                b"\x80\x02".to_vec(),
                vec![b'('; 100_000],
                vec![b't'; 100_000],
                b".".to_vec(),
            ]
            .concat(),
            CheckpointError::TooDeep { limit: 64 },
        ),
        (
            "2,000,000 values",
            [b"\x80\x02(".to_vec(), vec![b'N'; 2_000_000], b"t.".to_vec()].concat(),
            CheckpointError::TooMuch {
                what: "values",
                limit: 1_000_000,
            },
        ),
        (
            "2,000,000 references",
            [
                b"\x80\x02]q\0(".to_vec(),
                b"h\0".repeat(2_000_000),
                b"t.".to_vec(),
            ]
            .concat(),
            CheckpointError::TooMuch {
                what: "values",
                limit: 1_000_000,
            },
        ),
        (
            "2,000,000 remembered",
            [
                b"\x80\x02N".to_vec(),
                (0..2_000_000u32)
                    .flat_map(|slot| [vec![b'r'], slot.to_le_bytes().to_vec()].concat())
                    .collect(),
                b".".to_vec(),
            ]
            .concat(),
            CheckpointError::TooMuch {
                what: "remembered values",
                limit: 1_000_000,
            },
        ),
        (
            "a text of 4 GB",
            b"\x80\x02X\xff\xff\xff\xff.".to_vec(),
            CheckpointError::TooMuch {
                what: "characters in a text",
                limit: 1 << 20,
            },
        ),
        (
            "a name without an end",
            [b"\x80\x02c".to_vec(), vec![b'a'; 5000]].concat(),
            CheckpointError::TooMuch {
                what: "characters in a name",
                limit: 256,
            },
        ),
        (
            "a description of 20 MB",
            [
                b"\x80\x02".to_vec(),
                [text(&"a".repeat(1 << 20)), b"0".to_vec()]
                    .concat()
                    .repeat(20),
            ]
            .concat(),
            instruction("POP"),
        ),
        (
            "17 MB of frames",
            [
                b"\x80\x04".to_vec(),
                [0x95, 0, 0, 0, 0, 0, 0, 0, 0].repeat(2_000_000),
                b"N.".to_vec(),
            ]
            .concat(),
            CheckpointError::TooMuch {
                what: "bytes of description",
                limit: 16 << 20,
            },
        ),
        (
            "an empty stack",
            b"\x80\x02.".to_vec(),
            damaged("its pickle takes what is not there"),
        ),
        (
            "TUPLE2 beyond a mark",
            b"\x80\x02N(N\x86.".to_vec(),
            damaged("its pickle takes what is not there"),
        ),
        (
            "no mark",
            b"\x80\x02Nt.".to_vec(),
            damaged("its pickle lacks a mark"),
        ),
        (
            "an odd table",
            b"\x80\x02}(Nu.".to_vec(),
            damaged("a key has no value"),
        ),
        (
            "a name filled like a list",
            b"\x80\x02ctorch\nSize\nNa.".to_vec(),
            damaged("something that is no list is filled like one"),
        ),
        (
            "a tuple filled like a table",
            b"\x80\x02)NNs.".to_vec(),
            damaged("something that is no table is filled like one"),
        ),
        (
            "what was never remembered",
            b"\x80\x02h\x07.".to_vec(),
            damaged("its pickle recalls what it never remembered"),
        ),
    ];
    for (what, pickle, error) in &cases {
        for (form, file) in [
            ("zip", zipped(pickle, &[])),
            ("legacy", legacy(pickle, &[])),
        ] {
            let found = refusal(&file);
            assert_eq!(found, *error, "{what} in a {form}");
            assert!(found.to_string().len() < 400, "{found}");
        }
    }
}

#[test]
fn a_description_without_an_end_is_refused() {
    let error = CheckpointError::Damaged {
        detail: "its description has no end".into(),
    };
    assert_eq!(refusal(&zipped(b"\x80\x02}", &[])), error);
}

/// Shared values are paid for only once, however often they are used: here 2^50 texts.
#[test]
fn a_memo_bomb_is_a_small_file() {
    let mut pickle = [b"\x80\x02".to_vec(), text("boom")].concat();
    for slot in 0..50u8 {
        pickle.extend([b'q', slot, b'h', slot, 0x86]);
    }
    pickle.push(b'.');
    assert_eq!(refusal(&zipped(&pickle, &[])), CheckpointError::NoTensors);
}

#[test]
fn tensors_that_lead_out_of_their_storage_are_refused() {
    let tensor_error = |problem| CheckpointError::Tensor {
        name: "w".into(),
        problem,
    };
    let out = tensor_error(TensorProblem::OutOfStorage);
    let overlapping = tensor_error(TensorProblem::Overlapping);
    let shape = tensor_error(TensorProblem::Shape);
    let undescribed = CheckpointError::Damaged {
        detail: "a tensor is not described as expected".into(),
    };
    let most = i32::MAX;
    let cases: [(i32, &[i32], &[i32], &CheckpointError); 13] = [
        (0, &[7], &[1], &out),
        (1, &[6], &[1], &out),
        (0, &[2, 3], &[4, 1], &out),
        (0, &[2], &[6], &out),
        (7, &[], &[], &out),
        (7, &[0], &[1], &out),
        (most, &[1], &[1], &out),
        (0, &[6, 6], &[1, 1], &overlapping),
        (0, &[1_000_000_000], &[0], &overlapping),
        (0, &[2, 3], &[2, 1], &overlapping),
        (0, &[2, 3], &[1], &shape),
        (0, &[most, most, most], &[1, most, most], &shape),
        (-1, &[1], &[1], &undescribed),
    ];
    for (offset, sizes, strides, error) in cases {
        let pickle = dict(&[text("w"), tensor(6, offset, sizes, strides)]);
        for file in [zipped(&pickle, &[0.5; 6]), legacy(&pickle, &[0.5; 6])] {
            assert_eq!(refusal(&file), *error, "{offset} {sizes:?} {strides:?}");
        }
    }
    let pickle = dict(&[text("w"), tensor(6, 0, &[-1], &[1])]);
    assert_eq!(refusal(&zipped(&pickle, &[0.5; 6])), undescribed);
    let pickle = dict(&[text("w"), tensor(6, 0, &[1; 65], &[1; 65])]);
    assert_eq!(refusal(&zipped(&pickle, &[0.5; 6])), undescribed);
}

#[test]
fn storages_that_are_not_as_described_are_refused() {
    let damaged = |detail: &str| CheckpointError::Damaged {
        detail: detail.into(),
    };
    let length = damaged("a storage has another length than its description says");
    let pickle = dict(&[text("w"), tensor(6, 0, &[6], &[1])]);
    for numbers in [&[0.5; 5][..], &[0.5; 7]] {
        assert_eq!(refusal(&zipped(&pickle, numbers)), length);
        assert_eq!(refusal(&legacy(&pickle, numbers)), length);
    }
    let files: [(&str, &[u8]); 1] = [("archive/data.pkl", &pickle)];
    assert_eq!(
        refusal(&zip(&files, false)),
        damaged("a storage is missing")
    );
    let twice = dict(&[
        text("w"),
        tensor(6, 0, &[6], &[1]),
        text("w"),
        tensor(6, 0, &[2], &[1]),
    ]);
    let error = CheckpointError::Tensor {
        name: "w".into(),
        problem: TensorProblem::Twice,
    };
    assert_eq!(refusal(&zipped(&twice, &[0.5; 6])), error);
    let two = dict(&[
        text("v"),
        tensor(6, 0, &[6], &[1]),
        text("w"),
        tensor(5, 0, &[2], &[1]),
    ]);
    let error = damaged("a storage is described in two ways");
    assert_eq!(refusal(&zipped(&two, &[0.5; 6])), error);

    // The legacy form's list of storages.
    let mut file = legacy(&pickle, &[0.5; 6]);
    let count = file.len() - 4 * 6 - 8;
    file[count..count + 8].copy_from_slice(&u64::MAX.to_le_bytes());
    assert_eq!(refusal(&file), CheckpointError::CutOff);
    let mut file = [
        LEGACY_HEAD,
        &pickle,
        b"\x80\x02](X\x01\0\0\x000X\x01\0\0\x000e.",
    ]
    .concat();
    for _ in 0..2 {
        file.extend(6u64.to_le_bytes());
        file.extend(little_endian(&[0.5; 6]));
    }
    assert_eq!(refusal(&file), damaged("a storage is there twice"));
    let file = [LEGACY_HEAD, &pickle, b"\x80\x02]."].concat();
    assert_eq!(refusal(&file), damaged("a storage is missing"));
    let file = [LEGACY_HEAD, &pickle, b"\x80\x02]X\x01\0\0\x001a."].concat();
    assert_eq!(refusal(&file), damaged("a storage belongs to no tensor"));
}

#[test]
fn files_of_other_kinds_are_told_apart() {
    let foreign = |format| CheckpointError::Foreign { format };
    let zip_of = |name: &str| zip(&[(name, b"hello" as &[u8])], false);
    let cases: [(&[u8], CheckpointError); 10] = [
        (b"", CheckpointError::Unknown),
        (b"{", CheckpointError::Unknown),
        (b"\xff\xd8\xff\xe0 a photograph", CheckpointError::Unknown),
        (b"\x89HDF\r\n\x1a\n....", foreign("a Keras file (HDF5)")),
        (
            b"\x80\x04}\x94.",
            foreign("a Python pickle that torch.save did not write"),
        ),
        (b"\x80\x02\x8a\x0a0123456789.", CheckpointError::Unknown),
        (
            &zip_of("photo.jpg"),
            foreign("a zip without PyTorch weights in it"),
        ),
        (b"PK\x03\x04", CheckpointError::CutOff),
        (b"\xff\0\0\0\0\0\0\0{}", CheckpointError::CutOff),
        (b"\x02\0\0\0\0\0\0\0{}", CheckpointError::NoTensors),
    ];
    for (file, error) in &cases {
        assert_eq!(
            refusal(file),
            *error,
            "{:?}",
            file.escape_ascii().to_string()
        );
    }
    let two: [(&str, &[u8]); 2] = [("a/data.pkl", b"."), ("b/data.pkl", b".")];
    assert!(matches!(
        refusal(&zip(&two, false)),
        CheckpointError::Damaged { .. }
    ));
    let twice: [(&str, &[u8]); 2] = [("a/data.pkl", b"."), ("a/data.pkl", b".")];
    assert!(matches!(
        refusal(&zip(&twice, false)),
        CheckpointError::Damaged { .. }
    ));
    let big_endian = [
        &LEGACY_HEAD[..LEGACY_HEAD.len() - 3],
        b"\x89s." as &[u8],
        b"\x80\x02N.",
    ];
    assert_eq!(refusal(&big_endian.concat()), CheckpointError::BigEndian);
}

/// No prefix of a good file is a good file, and once the kind of file is clear, none is taken for another kind of fault.
#[test]
fn cut_off_files_are_refused() {
    for form in ["f32_zip.pth", "f32_legacy.pth", "mixed.safetensors"] {
        let file = fs::read(golden("forms").join(form)).unwrap();
        assert!(Checkpoint::open(std::io::Cursor::new(&file)).is_ok());
        for length in 0..file.len() {
            let error = refusal(&file[..length]);
            if length > 100 {
                assert_eq!(error, CheckpointError::CutOff, "{form}, {length} bytes");
            }
        }
    }
}

#[test]
fn safetensors_that_contradict_themselves_are_refused() {
    let file = |header: &str, data: usize| {
        let mut file = (header.len() as u64).to_le_bytes().to_vec();
        file.extend(header.as_bytes());
        file.extend(vec![0; data]);
        file
    };
    let tensor = |shape: &str, offsets: &str| {
        format!(r#"{{"w":{{"dtype":"F32","shape":{shape},"data_offsets":{offsets}}}}}"#)
    };
    assert!(open(&file(&tensor("[2]", "[0,8]"), 8)).is_ok());
    for (header, data) in [
        (tensor("[3]", "[0,8]"), 8),
        (tensor("[2]", "[8,0]"), 8),
        (tensor("[2]", "[4,12]"), 12),
        (tensor("[2]", "[0,8]"), 9),
        (tensor("[4294967296,4294967296]", "[0,8]"), 8),
        (tensor("[-2]", "[0,8]"), 8),
        (r#"{"w":7}"#.into(), 0),
        ("{".into(), 0),
        ("{\"a\":".repeat(10_000), 0),
    ] {
        let error = refusal(&file(&header, data));
        assert!(
            matches!(error, CheckpointError::Damaged { .. }),
            "{header}: {error}"
        );
    }
    assert_eq!(
        refusal(&file(&tensor("[2]", "[0,8]"), 7)),
        CheckpointError::CutOff
    );
    let long = file(
        &format!("{}{}", tensor("[2]", "[0,8]"), " ".repeat(5 << 20)),
        8,
    );
    let error = CheckpointError::TooMuch {
        what: "bytes of directory",
        limit: 4 << 20,
    };
    assert_eq!(refusal(&long), error);
}
