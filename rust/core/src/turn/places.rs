//! Places where something else than text may come: labels and the lenient openers.

use super::{Place, State, Turn};
use crate::arguments::{Context, Opening};
use crate::event::Repair;
use crate::header::{CALL, Forms, Progress};
use crate::output::Output;
use crate::tail::reuse;
use crate::token::{Literal, is_blank, match_literal};

const LABEL: &str = "thought\n";
const PIPE_OPENER: &str = "<|tool_call|>";
const COLON_OPENER: &str = "<tool_call:";

impl Turn {
    /// A place where something else than text may come: decides by the first characters of `text`.
    pub(super) fn at_place<'t>(
        &mut self,
        text: &'t str,
        place: Place,
        context: Context<'_>,
        out: &mut Output,
    ) -> &'t str {
        let blanks = text.bytes().take_while(|byte| is_blank(*byte)).count();
        if blanks > 0 && self.lead.is_empty() && place != Place::Start {
            // Blanks are text wherever they stand; a call may still follow them.
            let (blanks, rest) = text.split_at(blanks);
            self.say(blanks, out);
            if place == Place::Channel {
                self.state = State::At(Place::ChannelBlank);
            }
            return rest;
        }
        let mut characters = text.chars();
        while let Some(character) = characters.next() {
            let rest = characters.as_str();
            self.lead.push(character);
            if self.lead == LABEL && self.may_be_label(place) {
                reuse(&mut self.lead);
                self.thought = place == Place::Start;
                self.blank_stretch = true;
                self.state = State::Text;
                return rest;
            }
            if let Some(repair) = self.lenient_opener(place, context) {
                // Only behind `<|tool_call|>` is `call:` still to come.
                self.header.begin(self.lead != PIPE_OPENER);
                self.state = State::LenientHeader(repair);
                return rest;
            }
            if !self.may_go_on(place, context) {
                self.release(out);
                return rest;
            }
        }
        ""
    }

    fn may_be_label(&self, place: Place) -> bool {
        self.parse_reasoning && matches!(place, Place::Start | Place::Channel)
    }

    /// The lenient opener that the lead spells, where it is allowed (rules `drifted_opener`, `missing_opener`).
    fn lenient_opener(&self, place: Place, context: Context<'_>) -> Option<Repair> {
        match self.lead.as_str() {
            PIPE_OPENER if context.lenient => Some(Repair::DriftedOpener),
            COLON_OPENER if context.lenient && context.tools.is_some() => Some(Repair::DriftedOpener),
            CALL if Self::may_miss_opener(place, context) => Some(Repair::MissingOpener),
            _ => None,
        }
    }

    fn may_miss_opener(place: Place, context: Context<'_>) -> bool {
        context.lenient && context.tools.is_some() && matches!(place, Place::Start | Place::Channel)
    }

    /// Whether the lead is a proper prefix of something that may stand here.
    fn may_go_on(&self, place: Place, context: Context<'_>) -> bool {
        let lead = self.lead.as_str();
        (self.may_be_label(place) && LABEL.starts_with(lead))
            || (Self::may_miss_opener(place, context) && CALL.starts_with(lead))
            || (context.lenient && PIPE_OPENER.starts_with(lead))
            || (context.lenient && context.tools.is_some() && COLON_OPENER.starts_with(lead))
            || (place == Place::Call && match_literal(lead.as_bytes()) == Literal::Prefix)
    }

    /// What was held at a place is text after all.
    pub(super) fn release(&mut self, out: &mut Output) {
        self.state = State::Text;
        let lead = core::mem::take(&mut self.lead);
        self.say(&lead, out);
        self.lead = lead;
        reuse(&mut self.lead);
    }

    pub(super) fn lenient_header<'t>(
        &mut self,
        text: &'t str,
        repair: Repair,
        context: Context<'_>,
        out: &mut Output,
    ) -> &'t str {
        // `<|tool_call|>call:` is followed by any name where no tools are given.
        let declared = self.lead != PIPE_OPENER || context.tools.is_some();
        let forms = Forms { lenient: true, drifted: false, declared };
        let (progress, rest) = self.header.read(text, forms, context.tools);
        match progress {
            Progress::More => {}
            Progress::Call { round } => {
                let angle = self.lead == COLON_OPENER;
                reuse(&mut self.lead);
                self.begin_call(Opening { round, repair: Some(repair), angle }, context, out);
            }
            Progress::No => {
                self.lead.push_str(self.header.text());
                self.release(out);
            }
        }
        rest
    }

    pub(super) fn label<'t>(&mut self, text: &'t str, out: &mut Output) -> &'t str {
        let mut characters = text.chars();
        while let Some(character) = characters.next() {
            self.lead.push(character);
            if self.lead == LABEL {
                reuse(&mut self.lead);
                self.state = State::Text;
                return characters.as_str();
            }
            if !LABEL.starts_with(self.lead.as_str()) {
                self.release(out);
                return characters.as_str();
            }
        }
        ""
    }
}
