//! Choices made from a tape of numbers. It shrinks well: shorter tapes and smaller numbers give simpler outputs, an
//! exhausted one gives zeros.

pub struct Tape {
    numbers: Vec<u16>,
    at: usize,
    /// The next mark: a character that occurs once.
    mark: u32,
}

impl Tape {
    pub fn new(numbers: Vec<u16>) -> Self {
        Self { numbers, at: 0, mark: 0x4e00 }
    }

    pub fn below(&mut self, limit: usize) -> usize {
        let number = self.numbers.get(self.at).copied().unwrap_or_default();
        self.at += 1;
        usize::from(number) % limit.max(1)
    }

    /// True once in `rarity`, never on an exhausted tape.
    pub fn chance(&mut self, rarity: usize) -> bool {
        self.below(rarity) == rarity - 1
    }

    pub fn pick<T: Copy>(&mut self, choices: &[T]) -> T {
        choices[self.below(choices.len())]
    }

    /// A letter that no other place of the output has.
    pub fn mark(&mut self) -> char {
        self.mark += 1;
        char::from_u32(self.mark).unwrap()
    }
}

pub fn is_mark(character: char) -> bool {
    ('\u{4e00}'..'\u{9f00}').contains(&character)
}
