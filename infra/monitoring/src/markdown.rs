//! Blocks of code in Markdown.

/// A fenced block of code.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Block {
    /// What stands behind the fence.
    pub language: String,
    /// Its lines.
    pub text: String,
}

/// A text, taken apart.
#[derive(Debug)]
pub struct Fenced {
    /// Its blocks that have an end.
    pub blocks: Vec<Block>,
    /// The lines that stand in none.
    pub prose: String,
    /// Whether its last block has no end.
    pub is_open: bool,
}

/// Takes the blocks out of a text.
#[must_use]
pub fn fenced(text: &str) -> Fenced {
    let (mut blocks, mut prose) = (Vec::new(), String::new());
    let mut open: Option<Block> = None;
    for line in text.lines() {
        let fence = line.trim_start().strip_prefix("```");
        match (&mut open, fence) {
            (Some(_), Some(_)) => blocks.extend(open.take()),
            (None, Some(language)) => {
                open = Some(Block {
                    language: language.to_owned(),
                    text: String::new(),
                });
            }
            (Some(block), None) => block.text.extend([line, "\n"]),
            (None, None) => prose.extend([line, "\n"]),
        }
    }
    Fenced {
        blocks,
        prose,
        is_open: open.is_some(),
    }
}
