//! The part of protobuf's wire format that ONNX needs: <https://protobuf.dev/programming-guides/encoding/>.
//!
//! A crate would bring a code generator or derive macros and keep another copy of every tensor; writing takes only these few lines.

/// A message that is being written, field by field.
#[derive(Debug, Default)]
pub struct Message(Vec<u8>);

const VARINT: u64 = 0;
const LENGTH_DELIMITED: u64 = 2;

impl Message {
    /// An integer; negative ones take ten bytes, as the format requires.
    pub fn integer(&mut self, field: u32, number: i64) {
        self.tag(field, VARINT);
        self.varint(number.cast_unsigned());
    }

    /// Raw bytes.
    pub fn bytes(&mut self, field: u32, bytes: &[u8]) {
        self.tag(field, LENGTH_DELIMITED);
        self.varint(bytes.len() as u64);
        self.0.extend_from_slice(bytes);
    }

    /// UTF-8.
    pub fn text(&mut self, field: u32, text: &str) {
        self.bytes(field, text.as_bytes());
    }

    /// A message inside this one.
    pub fn message(&mut self, field: u32, message: &Self) {
        self.bytes(field, &message.0);
    }

    /// The finished message.
    pub fn into_bytes(self) -> Vec<u8> {
        self.0
    }

    fn tag(&mut self, field: u32, kind: u64) {
        self.varint(u64::from(field) << 3 | kind);
    }

    fn varint(&mut self, mut number: u64) {
        while number >= 0x80 {
            self.0.push(number as u8 | 0x80);
            number >>= 7;
        }
        self.0.push(number as u8);
    }
}

/// Reads messages back.
#[cfg(test)]
pub mod reading {
    use super::*;

    /// What a field holds.
    #[derive(Clone, Debug, PartialEq)]
    pub enum Field {
        Integer(i64),
        Bytes(Vec<u8>),
    }

    /// All fields of a message, in order.
    pub fn fields(mut bytes: &[u8]) -> Vec<(u32, Field)> {
        let mut fields = Vec::new();
        while !bytes.is_empty() {
            let tag = varint(&mut bytes);
            let field = match tag & 7 {
                VARINT => Field::Integer(varint(&mut bytes).cast_signed()),
                LENGTH_DELIMITED => {
                    let length = varint(&mut bytes) as usize;
                    Field::Bytes(take(&mut bytes, length).to_vec())
                }
                kind => panic!("fields of kind {kind} are never written"),
            };
            fields.push(((tag >> 3) as u32, field));
        }
        fields
    }

    /// The messages or bytes with this field number.
    pub fn all(message: &[u8], number: u32) -> Vec<Vec<u8>> {
        let fields = fields(message).into_iter();
        let wanted = fields.filter_map(|(field, value)| match value {
            Field::Bytes(bytes) if field == number => Some(bytes),
            _ => None,
        });
        wanted.collect()
    }

    /// The texts with this field number.
    pub fn texts(message: &[u8], number: u32) -> Vec<String> {
        let texts = all(message, number).into_iter();
        texts
            .map(|text| String::from_utf8(text).expect("is UTF-8"))
            .collect()
    }

    /// The integers with this field number.
    pub fn integers(message: &[u8], number: u32) -> Vec<i64> {
        let fields = fields(message).into_iter();
        let wanted = fields.filter_map(|(field, value)| match value {
            Field::Integer(integer) if field == number => Some(integer),
            _ => None,
        });
        wanted.collect()
    }

    fn take<'a>(bytes: &mut &'a [u8], length: usize) -> &'a [u8] {
        let (taken, rest) = bytes.split_at(length);
        *bytes = rest;
        taken
    }

    fn varint(bytes: &mut &[u8]) -> u64 {
        let mut number = 0;
        for place in 0.. {
            let byte = take(bytes, 1)[0];
            number |= u64::from(byte & 0x7f) << (7 * place);
            if byte < 0x80 {
                break;
            }
        }
        number
    }
}

#[cfg(test)]
mod tests {
    use super::reading::*;
    use super::*;

    #[test]
    fn bytes_are_those_of_the_documentation() {
        // The examples of the page named above.
        let mut message = Message::default();
        message.integer(1, 150);
        assert_eq!(message.into_bytes(), [0x08, 0x96, 0x01]);
        let mut message = Message::default();
        message.text(2, "testing");
        assert_eq!(message.into_bytes(), b"\x12\x07testing");
        let mut message = Message::default();
        message.integer(1, -2);
        assert_eq!(
            message.into_bytes(),
            [
                0x08, 0xfe, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x01
            ]
        );
    }

    #[test]
    fn what_is_written_can_be_read() {
        let mut inner = Message::default();
        inner.integer(3, 7);
        let mut outer = Message::default();
        outer.integer(20, i64::MIN);
        outer.message(300, &inner);
        let read = fields(&outer.into_bytes());
        assert_eq!(read[0], (20, Field::Integer(i64::MIN)));
        let Field::Bytes(inner) = &read[1].1 else {
            panic!("is a message")
        };
        assert_eq!(read[1].0, 300);
        assert_eq!(fields(inner), [(3, Field::Integer(7))]);
    }
}
