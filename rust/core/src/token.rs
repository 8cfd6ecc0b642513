//! Control tokens: the special tokens of the Gemma 4 vocabulary, one id and one literal each.

/// A control token of the Gemma 4 vocabulary.
///
/// Ids are those of Google's tokenizer; a [`Vocabulary`](crate::Vocabulary) finds its own by the literals, so that
/// no id is assumed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[repr(u8)]
pub enum ControlToken {
    /// `<pad>`
    Pad,
    /// `<eos>`, end of sequence; a stop token
    Eos,
    /// `<bos>`
    Bos,
    /// `<unk>`
    Unk,
    /// `<mask>`
    Mask,
    /// `<|tool>`, opens a tool declaration (prompt only)
    ToolOpen,
    /// `<tool|>`
    ToolClose,
    /// `<|tool_call>`, the opener of a call
    CallOpen,
    /// `<tool_call|>`, the close marker of a call
    CallClose,
    /// `<|tool_response>`, opens a tool's result; as model output it ends the turn
    ResponseOpen,
    /// `<tool_response|>`
    ResponseClose,
    /// `<|"|>`, the delimiter of strings
    Delimiter,
    /// `<|think|>`, the thinking switch of the system turn
    Think,
    /// `<|channel>`
    ChannelOpen,
    /// `<channel|>`
    ChannelClose,
    /// `<|turn>`
    TurnOpen,
    /// `<turn|>`, end of the turn; a stop token
    TurnClose,
    /// `<|image>`
    ImageOpen,
    /// `<|audio>`
    AudioOpen,
    /// `<|image|>`
    Image,
    /// `<|audio|>`
    Audio,
    /// `<image|>`
    ImageClose,
    /// `<audio|>`
    AudioClose,
    /// `<|video|>`
    Video,
}

use ControlToken as C;

impl ControlToken {
    /// Every control token, in the order of the ids.
    pub const ALL: [Self; 24] = [
        C::Pad,
        C::Eos,
        C::Bos,
        C::Unk,
        C::Mask,
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
        C::ImageOpen,
        C::AudioOpen,
        C::Image,
        C::Audio,
        C::ImageClose,
        C::AudioClose,
        C::Video,
    ];

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

    /// Those that a vocabulary must have: the twelve of the text form and `<eos>`.
    pub const REQUIRED: [Self; 13] = [
        C::Eos,
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

    /// The literal, as a decoder prints it.
    pub const fn literal(self) -> &'static str {
        match self {
            C::Pad => "<pad>",
            C::Eos => "<eos>",
            C::Bos => "<bos>",
            C::Unk => "<unk>",
            C::Mask => "<mask>",
            C::ToolOpen => "<|tool>",
            C::ToolClose => "<tool|>",
            C::CallOpen => "<|tool_call>",
            C::CallClose => "<tool_call|>",
            C::ResponseOpen => "<|tool_response>",
            C::ResponseClose => "<tool_response|>",
            C::Delimiter => "<|\"|>",
            C::Think => "<|think|>",
            C::ChannelOpen => "<|channel>",
            C::ChannelClose => "<channel|>",
            C::TurnOpen => "<|turn>",
            C::TurnClose => "<turn|>",
            C::ImageOpen => "<|image>",
            C::AudioOpen => "<|audio>",
            C::Image => "<|image|>",
            C::Audio => "<|audio|>",
            C::ImageClose => "<image|>",
            C::AudioClose => "<audio|>",
            C::Video => "<|video|>",
        }
    }

    /// The id in Google's tokenizer, which all sizes of Gemma 4 share.
    pub const fn id(self) -> u32 {
        match self {
            C::Pad => 0,
            C::Eos => 1,
            C::Bos => 2,
            C::Unk => 3,
            C::Mask => 4,
            C::ToolOpen => 46,
            C::ToolClose => 47,
            C::CallOpen => 48,
            C::CallClose => 49,
            C::ResponseOpen => 50,
            C::ResponseClose => 51,
            C::Delimiter => 52,
            C::Think => 98,
            C::ChannelOpen => 100,
            C::ChannelClose => 101,
            C::TurnOpen => 105,
            C::TurnClose => 106,
            C::ImageOpen => 255_999,
            C::AudioOpen => 256_000,
            C::Image => 258_880,
            C::Audio => 258_881,
            C::ImageClose => 258_882,
            C::AudioClose => 258_883,
            C::Video => 258_884,
        }
    }

    /// The control token that is spelled `literal`.
    pub fn from_literal(literal: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|token| token.literal() == literal)
    }

    /// `<turn|>`, `<|tool_response>`, `<eos>`, `<|turn>` and `<pad>` end the turn (rule `turn-end`).
    pub const fn is_end_marker(self) -> bool {
        matches!(self, C::TurnClose | C::ResponseOpen | C::Eos | C::TurnOpen | C::Pad)
    }
}

/// Space, tab, CR and LF; nothing else is blank.
pub(crate) const fn is_blank(byte: u8) -> bool {
    matches!(byte, b' ' | b'\t' | b'\r' | b'\n')
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

/// Matches the start of `text` against the literals. No literal is a prefix of another one.
pub(crate) fn match_literal(text: &[u8]) -> Literal {
    // Every literal starts with `<` and has a second character that only a few share: a cheap first look.
    match text {
        [] | [b'<'] => return Literal::Prefix,
        [b'<', b'|' | b't' | b'c' | b'e', ..] => {}
        _ => return Literal::No,
    }
    for token in ControlToken::REQUIRED {
        let literal = token.literal().as_bytes();
        if text.starts_with(literal) {
            return Literal::Whole(token);
        }
        if literal.starts_with(text) {
            return Literal::Prefix;
        }
    }
    Literal::No
}
