//! A program that makes pseudo-random calls: the same ones in every process, so that one process knows the calls of
//! another.

/// How many functions the program has; function `n` is called `f<n>`.
pub const FUNCTIONS: u32 = 40;
/// The largest depth: more than two blocks of a stack.
const DEPTH_MAX: usize = 300;

/// One thread's calls.
#[derive(Clone, Debug)]
pub struct Program {
    random: Random,
    /// The functions that are open, outermost first.
    pub stack: Vec<u32>,
    /// Remaining calls of a descent (positive) or returns of an ascent (negative).
    slope: i64,
}

/// What happens next.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Step {
    /// A function is called.
    Enter(u32),
    /// The innermost call ends.
    Leave(u32),
}

impl Program {
    /// The program of this seed.
    pub fn new(seed: u64) -> Program {
        Program { random: Random::new(seed), stack: Vec::new(), slope: 0 }
    }
}

impl Iterator for Program {
    type Item = Step;

    fn next(&mut self) -> Option<Step> {
        let random = self.random.number();
        if self.slope == 0 && random.is_multiple_of(4096) {
            self.slope = if self.stack.len() < DEPTH_MAX / 2 { DEPTH_MAX as i64 } else { -250 };
        }
        let deeper = match self.slope {
            0 => random & 64 == 0,
            slope => slope > 0,
        };
        self.slope -= self.slope.signum();
        if self.stack.is_empty() || deeper && self.stack.len() < DEPTH_MAX {
            let function = (random >> 20) as u32 % FUNCTIONS;
            self.stack.push(function);
            return Some(Step::Enter(function));
        }
        self.stack.pop().map(Step::Leave)
    }
}

/// Numbers that look random: splitmix64.
#[derive(Clone, Debug)]
pub struct Random(u64);

impl Random {
    /// The numbers of this seed.
    pub fn new(seed: u64) -> Random {
        Random(seed)
    }
}

impl Random {
    /// The next one.
    pub fn number(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mixed = (self.0 ^ self.0 >> 30).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let mixed = (mixed ^ mixed >> 27).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ mixed >> 31
    }
}

/// The calls of a thread when a given number of them have ended.
#[derive(Clone, Debug)]
pub struct History {
    /// The functions of these calls, in the order of their ends.
    pub ended: Vec<u32>,
    /// The functions that are open when the next call is about to end.
    pub stack: Vec<u32>,
    /// How many of those were already open when the last call had ended.
    pub depth: usize,
}

impl History {
    /// Runs a program.
    pub fn of(seed: u64, calls: u64) -> History {
        let mut program = Program::new(seed);
        let mut history = History { ended: Vec::new(), stack: Vec::new(), depth: 0 };
        while let Some(step) = program.next() {
            let Step::Leave(function) = step else { continue };
            if history.ended.len() as u64 == calls {
                history.stack.clone_from(&program.stack);
                history.stack.push(function);
                break;
            }
            history.ended.push(function);
            history.depth = program.stack.len();
        }
        history
    }

    /// The names of the calls that ended last.
    pub fn last(&self, calls: usize) -> impl Iterator<Item = String> {
        self.ended[self.ended.len() - calls..].iter().map(|function| name(*function))
    }
}

/// Returns the name of a function.
pub fn name(function: u32) -> String {
    format!("f{function}")
}
