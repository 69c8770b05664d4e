//! Messages that stay until they are dismissed.

use serde::{Deserialize, Serialize};

/// How many files a message names; the rest are counted.
const NAMED: usize = 200;

/// A file that was left out.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct LeftOut {
    pub name: String,
    /// What happened and what to do.
    pub reason: String,
}

/// What a message says.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Message {
    /// Something went wrong, with what to do about it.
    Problem { title: String, detail: String },
    /// Files that were left out, gathered into one message until it is dismissed.
    LeftOut { files: Vec<LeftOut>, count: usize },
}

/// A message and its name.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Notice {
    pub id: u32,
    pub message: Message,
}

/// The messages, oldest first.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Notices {
    pub items: Vec<Notice>,
    next_id: u32,
}

impl Notices {
    fn push(&mut self, message: Message) {
        self.next_id += 1;
        self.items.push(Notice {
            id: self.next_id,
            message,
        });
    }

    /// Shows a message, unless the same one is already shown.
    pub fn problem(&mut self, title: impl Into<String>, detail: impl Into<String>) {
        let message = Message::Problem {
            title: title.into(),
            detail: detail.into(),
        };
        if self.items.iter().all(|notice| notice.message != message) {
            self.push(message);
        }
    }

    /// Adds files to the message about files, which is created if there is none.
    /// `unnamed` more files were left out than are named.
    pub fn left_out(&mut self, files: Vec<LeftOut>, unnamed: usize) {
        if files.is_empty() && unnamed == 0 {
            return;
        }
        let standing = self
            .items
            .iter()
            .position(|n| matches!(n.message, Message::LeftOut { .. }));
        let at = standing.unwrap_or_else(|| {
            self.push(Message::LeftOut {
                files: Vec::new(),
                count: 0,
            });
            self.items.len() - 1
        });
        if let Some(Notice {
            message:
                Message::LeftOut {
                    files: named,
                    count,
                },
            ..
        }) = self.items.get_mut(at)
        {
            *count += files.len() + unnamed;
            let room = NAMED.saturating_sub(named.len());
            named.extend(files.into_iter().take(room));
        }
    }

    pub fn dismiss(&mut self, id: u32) {
        self.items.retain(|notice| notice.id != id);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn file(name: &str) -> LeftOut {
        LeftOut {
            name: name.into(),
            reason: "is empty".into(),
        }
    }

    #[test]
    fn files_gather_in_one_message_until_it_is_dismissed() {
        let mut notices = Notices::default();
        notices.left_out(vec![file("a")], 0);
        notices.problem("The camera is gone", "Plug it in.");
        notices.problem("The camera is gone", "Plug it in.");
        notices.left_out(vec![file("b")], 5);
        notices.left_out(Vec::new(), 0);
        assert_eq!(notices.items.len(), 2);
        let first = notices.items.first().expect("stands");
        assert!(matches!(&first.message, Message::LeftOut { files, count: 7 } if files.len() == 2));
        notices.dismiss(first.id);
        notices.left_out(vec![file("c")], 0);
        assert_eq!(notices.items.len(), 2);
    }

    #[test]
    fn only_so_many_are_named() {
        let mut notices = Notices::default();
        notices.left_out((0..500).map(|n| file(&n.to_string())).collect(), 0);
        assert!(matches!(
            &notices.items.first().expect("stands").message,
            Message::LeftOut { files, count: 500 } if files.len() == NAMED
        ));
    }
}
