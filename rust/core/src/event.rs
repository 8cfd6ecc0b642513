//! Events: what the parser found, in order.

use core::fmt;

macro_rules! named {
    ($(#[$doc:meta])* $name:ident { $($(#[$vdoc:meta])* $variant:ident = $text:literal,)* }) => {
        $(#[$doc])*
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
        #[repr(u8)]
        pub enum $name { $($(#[$vdoc])* $variant,)* }

        impl $name {
            /// Every value.
            pub const ALL: &'static [Self] = &[$(Self::$variant,)*];

            /// The name that the documentation and the Python API use.
            pub const fn as_str(self) -> &'static str {
                match self { $(Self::$variant => $text,)* }
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(self.as_str())
            }
        }
    };
}

pub(crate) use named;

named! {
    /// What an event says.
    Kind {
        /// The next piece of thought.
        Reasoning = "reasoning",
        /// The next piece of visible text.
        Content = "content",
        /// A call has begun; the text is the function's name.
        CallStart = "call_start",
        /// The next fragment of the JSON text of the call's arguments.
        CallArguments = "call_arguments",
        /// The call has ended; the text is its [`Status`]. Exactly one for each `CallStart`.
        CallEnd = "call_end",
        /// A raw span that is neither text nor part of a call, control tokens spelled out.
        Unparsed = "unparsed",
        /// The stream has ended; the text is its [`End`]. Once, last.
        End = "end",
    }
}

named! {
    /// How a call ended.
    Status {
        /// Canonical: accepted as it came.
        Complete = "complete",
        /// Accepted by way of the repairs named in the detail.
        Repaired = "repaired",
        /// Not accepted; the detail has the reason. Its fragments never are valid JSON.
        Rejected = "rejected",
    }
}

named! {
    /// Why a span is unparsed.
    Reason {
        /// Generation ended while what came was a prefix of an accepted form.
        TruncatedCall = "truncated_call",
        /// A call whose body fits no accepted form.
        MalformedCall = "malformed_call",
        /// An opener that no name and opening bracket follow.
        NotACall = "not_a_call",
        /// Text after the end of the turn.
        AfterTurnEnd = "after_turn_end",
        /// A control token without function where it stands.
        StrayMarker = "stray_marker",
    }
}

named! {
    /// How the stream ended: the first end marker seen, else what [`finish`](crate::StreamParser::finish) was told.
    End {
        /// `<turn|>` or `<|turn>`.
        Turn = "turn",
        /// `<|tool_response>`.
        ToolResponse = "tool_response",
        /// `<eos>` or `<pad>`.
        Eos = "eos",
        /// Generation stopped by itself.
        Stop = "stop",
        /// Generation was cut off by a token limit.
        Length = "length",
        /// Generation was aborted.
        Abort = "abort",
    }
}

named! {
    /// Where a stream starts, which the prompt decides.
    #[derive(Default)]
    Start {
        /// Outside any channel.
        #[default]
        Content = "content",
        /// Within a thought whose opener and label stand at the end of the prompt.
        Reasoning = "reasoning",
    }
}

named! {
    /// What ended generation, as the caller of [`finish`](crate::StreamParser::finish) knows it.
    #[derive(Default)]
    Finish {
        /// The model stopped by itself.
        #[default]
        Stop = "stop",
        /// The token limit cut it off.
        Length = "length",
        /// It was aborted.
        Abort = "abort",
    }
}

named! {
    /// The named repairs of the lenient grammar; `DESIGN.md` tells each form.
    Repair {
        /// `<|tool_call>:name{`
        ColonOpener = "colon_opener",
        /// `<|tool_call>name{` or `<|tool_call>-name{`, for a declared name.
        BareOpener = "bare_opener",
        /// `<|tool_call|>call:name{…}` or `<tool_call:Name{…}`.
        DriftedOpener = "drifted_opener",
        /// `call:name{…}` at the very start or directly after a thought, for a declared name.
        MissingOpener = "missing_opener",
        /// `call:a{…}call:b{…}<tool_call|>`
        CallsInOneBlock = "calls_in_one_block",
        /// `call:name(…)`
        RoundBrackets = "round_brackets",
        /// `call:name({…})`
        JsonArguments = "json_arguments",
        /// `call:name{{…}}`
        DoubleBrace = "double_brace",
        /// `key=value`
        EqualsSign = "equals_sign",
        /// `"…"` for a key or a value.
        JsonString = "json_string",
        /// `'…'` for a key or a value.
        SingleQuotes = "single_quotes",
        /// `` `…` `` for a key or a value.
        Backticks = "backticks",
        /// A delimiter directly after a quoted value.
        DanglingDelimiter = "dangling_delimiter",
        /// `True`, `False`, `None` and their like.
        PythonLiteral = "python_literal",
        /// An undelimited value that is no JSON scalar.
        BareString = "bare_string",
        /// An undelimited text with commas in it.
        BareComma = "bare_comma",
        /// `key:some text<|"|>`
        MissingOpenDelimiter = "missing_open_delimiter",
        /// A string left open at the close marker.
        MissingCloseDelimiter = "missing_close_delimiter",
        /// The close marker came with brackets open.
        MissingCloseBracket = "missing_close_bracket",
        /// Further closing brackets after the object.
        ExtraBracket = "extra_bracket",
        /// The object is complete, but no close marker followed.
        MissingCloseMarker = "missing_close_marker",
    }
}

/// A set of repairs that remembers the order in which they were met; each counts once.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub struct Repairs {
    len: u8,
    names: [Repair; Repair::ALL.len()],
}

impl Repairs {
    /// No repair.
    pub const fn new() -> Self {
        Self { len: 0, names: [Repair::ColonOpener; Repair::ALL.len()] }
    }

    /// The repairs in the order met.
    pub fn as_slice(&self) -> &[Repair] {
        self.names.get(..usize::from(self.len)).unwrap_or_default()
    }

    /// Whether none was made.
    pub const fn is_empty(&self) -> bool {
        self.len == 0
    }

    pub(crate) fn note(&mut self, repair: Repair) {
        if !self.as_slice().contains(&repair) {
            if let Some(slot) = self.names.get_mut(usize::from(self.len)) {
                *slot = repair;
                self.len += 1;
            }
        }
    }
}

impl Default for Repairs {
    fn default() -> Self {
        Self::new()
    }
}

impl fmt::Debug for Repairs {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.as_slice().fmt(f)
    }
}

/// What the event's `detail` holds.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum Detail {
    /// Nothing.
    #[default]
    None,
    /// The repairs of an accepted call, in the order met.
    Repairs(Repairs),
    /// The reason of a rejection or of an unparsed span.
    Reason(Reason),
}

impl Detail {
    /// The names, as the documentation writes them.
    pub fn names(&self) -> impl Iterator<Item = &'static str> + '_ {
        let (repairs, reason) = match self {
            Self::None => (&[][..], None),
            Self::Repairs(repairs) => (repairs.as_slice(), None),
            Self::Reason(reason) => (&[][..], Some(*reason)),
        };
        repairs.iter().map(|repair| repair.as_str()).chain(reason.map(Reason::as_str))
    }
}

/// One thing that the parser found. The text borrows from the delta, the vocabulary or the parser's buffer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Event<'a> {
    /// What it says.
    pub kind: Kind,
    /// The piece of text, the name, the status or the end: see [`Kind`].
    pub text: &'a str,
    /// Number of the call from 0; `None` where the event belongs to no call.
    pub index: Option<u32>,
    /// Repairs or reason: see [`Kind::CallEnd`] and [`Kind::Unparsed`].
    pub detail: Detail,
}

/// Takes the events of a step, in order. Every `FnMut(Event<'_>)` is one.
pub trait Sink {
    /// Takes one event; its text is only lent.
    fn event(&mut self, event: Event<'_>);
}

impl<F: FnMut(Event<'_>)> Sink for F {
    fn event(&mut self, event: Event<'_>) {
        self(event);
    }
}
