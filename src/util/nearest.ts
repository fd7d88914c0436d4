// SPDX-License-Identifier: Apache-2.0
// "Did you mean": the known name closest to a misspelt one.

/** The nearest of `known`, or undefined when nothing is close enough to be a likely misspelling. */
export function nearest(name: string, known: Iterable<string>): string | undefined {
  let best: string | undefined
  // A third of the letters may be wrong; more than that is another word.
  let bestDistance = Math.floor(name.length / 3) + 1
  const lower = name.toLowerCase()
  for (const candidate of known) {
    if (Math.abs(candidate.length - name.length) >= bestDistance) continue
    const d = distance(lower, candidate.toLowerCase())
    if (d < bestDistance) {
      best = candidate
      bestDistance = d
    }
  }
  return best
}

/** Ready to append to a message: ` (did you mean "x"?)` or nothing. */
export function didYouMean(name: string, known: Iterable<string>): string {
  const near = nearest(name, known)
  return near === undefined ? '' : ` (did you mean "${near}"?)`
}

// Levenshtein distance, one row at a time.
function distance(a: string, b: string): number {
  let row = Array.from({ length: b.length + 1 }, (_, j) => j)
  for (let i = 1; i <= a.length; i++) {
    const next = [i]
    for (let j = 1; j <= b.length; j++) {
      const substitution = (row[j - 1] as number) + (a[i - 1] === b[j - 1] ? 0 : 1)
      next.push(Math.min(substitution, (row[j] as number) + 1, (next[j - 1] as number) + 1))
    }
    row = next
  }
  return row[b.length] as number
}
