//! Control tokens: the special tokens of the Gemma 4 vocabulary, one id and one literal each.

macro_rules! control_tokens {
    ($($variant:ident = $id:literal, $literal:literal $(, $role:literal)?;)*) => {
        /// A control token of the Gemma 4 vocabulary.
        ///
        /// Ids are those of Google's tokenizer; a [`Vocabulary`](crate::Vocabulary) finds its own by the literals, so
        /// that no id is assumed.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
        #[repr(u8)]
        pub enum ControlToken {
            $(#[doc = concat!("`", $literal, "`" $(, ": ", $role)?)] $variant,)*
        }

        impl ControlToken {
            /// Every control token, in the order of the ids.
            pub const ALL: [Self; [$($id),*].len()] = [$(Self::$variant),*];

            /// The literal, as a decoder prints it.
            pub const fn literal(self) -> &'static str {
                match self { $(Self::$variant => $literal,)* }
            }

            /// The id in Google's tokenizer, which all sizes of Gemma 4 share.
            pub const fn id(self) -> u32 {
                match self { $(Self::$variant => $id,)* }
            }
        }
    };
}

control_tokens! {
    Pad = 0, "<pad>";
    Eos = 1, "<eos>", "end of sequence; a stop token";
    Bos = 2, "<bos>";
    Unk = 3, "<unk>";
    Mask = 4, "<mask>";
    ToolOpen = 46, "<|tool>", "opens a tool declaration (prompt only)";
    ToolClose = 47, "<tool|>";
    CallOpen = 48, "<|tool_call>", "the opener of a call";
    CallClose = 49, "<tool_call|>", "the close marker of a call";
    ResponseOpen = 50, "<|tool_response>", "opens a tool's result; as model output it ends the turn";
    ResponseClose = 51, "<tool_response|>";
    Delimiter = 52, "<|\"|>", "the delimiter of strings";
    Think = 98, "<|think|>", "the thinking switch of the system turn";
    ChannelOpen = 100, "<|channel>";
    ChannelClose = 101, "<channel|>";
    TurnOpen = 105, "<|turn>";
    TurnClose = 106, "<turn|>", "end of the turn; a stop token";
    ImageOpen = 255_999, "<|image>";
    AudioOpen = 256_000, "<|audio>";
    Image = 258_880, "<|image|>";
    Audio = 258_881, "<|audio|>";
    ImageClose = 258_882, "<image|>";
    AudioClose = 258_883, "<audio|>";
    Video = 258_884, "<|video|>";
}

use ControlToken as C;

impl ControlToken {
    /// The twelve whose literals are control tokens in text too.
    pub const IN_TEXT: [Self; 12] = [
        C::ToolOpen,
        C::ToolClose,
        C::CallOpen,
        C::CallClose,
        C::ResponseOpen,
        C::ResponseClose,
        C::Delimiter,
        C::Think,
        C::ChannelOpen,
        C::ChannelClose,
        C::TurnOpen,
        C::TurnClose,
    ];

    /// Those that a vocabulary must have: `<eos>` and the twelve of the text form.
    pub const REQUIRED: [Self; 13] = {
        let [a, b, c, d, e, f, g, h, i, j, k, l] = Self::IN_TEXT;
        [C::Eos, a, b, c, d, e, f, g, h, i, j, k, l]
    };

    /// `<eos>`, `<turn|>` and `<|tool_response>`, at which generation has to stop; never `<tool_call|>`, which would cut
    /// off parallel calls.
    pub const STOP: [Self; 3] = [C::Eos, C::TurnClose, C::ResponseOpen];

    /// The control token that is spelled `literal`.
    pub fn from_literal(literal: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|token| token.literal() == literal)
    }

    /// `<turn|>`, `<|tool_response>`, `<eos>`, `<|turn>` and `<pad>` end the turn (rule `turn-end`).
    pub const fn is_end_marker(self) -> bool {
        matches!(self, C::TurnClose | C::ResponseOpen | C::Eos | C::TurnOpen | C::Pad)
    }

    /// The close marker and the end markers, which may be data of a string or show that it was left open (rule
    /// `marker-in-string`).
    pub(crate) const fn is_marker_in_string(self) -> bool {
        matches!(self, C::CallClose) || self.is_end_marker()
    }

    /// What is no data within quotes: the call is malformed, or the turn has ended.
    pub(crate) const fn breaks_quotes(self) -> bool {
        matches!(self, C::CallOpen) || self.is_marker_in_string()
    }
}

/// The quote characters, which mean something in prose, keys and values.
pub(crate) const fn is_quote(byte: u8) -> bool {
    matches!(byte, b'"' | b'\'' | b'`')
}

/// Space, tab, CR and LF; nothing else is blank.
pub(crate) const fn is_blank(byte: u8) -> bool {
    matches!(byte, b' ' | b'\t' | b'\r' | b'\n')
}

/// Bytes that mean nothing by themselves in names, bare keys and bare values: walked over at once.
pub(crate) const fn is_word(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'-' | b'+' | b'.')
}

/// `text` without leading blanks.
pub(crate) fn trim_start(text: &str) -> &str {
    text.trim_start_matches([' ', '\t', '\r', '\n'])
}

/// `text` without trailing blanks.
pub(crate) fn trim_end(text: &str) -> &str {
    text.trim_end_matches([' ', '\t', '\r', '\n'])
}

/// How far `text` goes as a control literal (one of the twelve or `<eos>`, rule `partial-literal`).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Literal {
    /// It begins with the whole literal.
    Whole(ControlToken),
    /// All of it is a proper prefix of a literal.
    Prefix,
    /// Neither.
    No,
}

/// No literal is longer.
const LONGEST: usize = 16;

/// The literals as numbers, to be compared at once; the delimiter, by far the most frequent one, is the first.
#[expect(clippy::indexing_slicing, reason = "made by the compiler")]
const LITERALS: [(u128, usize, ControlToken); ControlToken::REQUIRED.len()] = {
    let mut table = [(0, 0, C::Eos); ControlToken::REQUIRED.len()];
    let mut at = 0;
    while at < table.len() {
        let token = match at {
            0 => C::Delimiter,
            1..=7 => ControlToken::REQUIRED[at - 1],
            _ => ControlToken::REQUIRED[at],
        };
        let (mut word, mut length) = (0, token.literal().len());
        table[at] = (0, length, token);
        while length > 0 {
            length -= 1;
            word = word << 8 | token.literal().as_bytes()[length] as u128;
        }
        table[at].0 = word;
        at += 1;
    }
    table
};

/// Matches the start of `text` against the literals. No literal is a prefix of another one.
pub(crate) fn match_literal(text: &[u8]) -> Literal {
    // Every literal starts with `<` and has a second character that only a few share: a cheap first look.
    match text {
        [] | [b'<'] => return Literal::Prefix,
        [b'<', b'|' | b't' | b'c' | b'e', ..] => {}
        _ => return Literal::No,
    }
    let start = text.first_chunk::<LONGEST>().copied().unwrap_or_else(|| {
        let mut start = [0; LONGEST];
        for (to, from) in start.iter_mut().zip(text) {
            *to = *from;
        }
        start
    });
    let start = u128::from_le_bytes(start);
    for (word, length, token) in LITERALS {
        let compared = u128::MAX >> (8 * (LONGEST - length.min(text.len())));
        if (start ^ word) & compared == 0 {
            return if length > text.len() { Literal::Prefix } else { Literal::Whole(token) };
        }
    }
    Literal::No
}

#[cfg(test)]
mod tests {
    use alloc::format;

    use super::*;

    #[test]
    fn literals_and_their_prefixes() {
        for token in ControlToken::REQUIRED {
            let literal = token.literal();
            for end in 0..literal.len() {
                assert_eq!(match_literal(&literal.as_bytes()[..end]), Literal::Prefix, "{literal} {end}");
                for other in ["x", "é, and more text", "\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0"] {
                    let text = format!("{}{other}", &literal[..end]);
                    assert_eq!(match_literal(text.as_bytes()), Literal::No, "{text}");
                }
            }
            for other in ["", "x", ">", literal, "é, and more text"] {
                let text = format!("{literal}{other}");
                assert_eq!(match_literal(text.as_bytes()), Literal::Whole(token), "{text}");
            }
        }
    }
}
