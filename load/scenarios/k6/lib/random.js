// Chance that repeats: the same number draws the same again, in every run and on every machine.

// Where the first few iterations show every behaviour, so that a short run does too.
const FIRST = 31337;

/** A generator of numbers in [0, 1) for the iteration `number`. */
export function dice(number) {
  // The iterations lie next to each other; this spreads their seeds. Then mulberry32.
  let state = Math.imul(number + FIRST, 0x9e3779b1) | 0;
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 4294967296;
  };
}

/** A whole number from `low` to `high`, both included. */
export function between(chance, low, high) {
  return low + Math.floor(chance() * (high - low + 1));
}

export function pick(chance, list) {
  return list[Math.floor(chance() * list.length)];
}

/** `count` different entries of the list. */
export function pickDistinct(chance, list, count) {
  const taken = new Set();
  while (taken.size < Math.min(count, list.length)) taken.add(pick(chance, list));
  return [...taken];
}
