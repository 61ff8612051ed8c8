import { globOf } from '../tree/glob.ts'
import type { ByteText } from '../tree/name.ts'

/** What is left out of a snapshot. */
export interface Exclusion {
  /** Tells whether a path below the base is left out. */
  has(below: ByteText, isDirectory: boolean): boolean
  /** Globs that nothing matched so far, as they were written. */
  unused(): readonly string[]
}

/** By globs. What is below an excluded directory is left out with it, and not looked at. */
export function exclusionOf(globs: readonly string[]): Exclusion {
  const rules = globs.map(globOf)
  const unused = new Set(rules)
  return {
    has(below, isDirectory) {
      const matching = rules.filter((rule) => rule.matches(below, isDirectory))
      for (const rule of matching) unused.delete(rule)
      return matching.length > 0
    },
    unused: () => [...unused].map(({ text }) => text),
  }
}
