import fc from 'fast-check'
import { compareKeys, digestOf, isKey } from '../../src/kit/index.ts'
import type { Entry } from '../../src/manifest/index.ts'

/** Paths that are likely to meet: few letters, and characters whose UTF-8 and UTF-16 order differ. */
const paths = fc
  .array(
    fc.string({ unit: fc.constantFrom('a', 'b', '-', '0', '"', '\\', ' ', '\u00e9', '\uff5e', '\u{1f9f1}'), minLength: 1, maxLength: 3 }),
    {
      minLength: 1,
      maxLength: 3,
    },
  )
  .map((segments) => segments.join('/'))
  .filter(isKey)

const entries: fc.Arbitrary<Entry> = fc
  .record({ path: paths, content: fc.constantFrom('', 'x', 'yy'), mode: fc.constantFrom(undefined, 0o644, 0o755) })
  .map(({ path, content, mode }) => ({ path, size: content.length, digest: digestOf(content), ...(mode === undefined ? {} : { mode }) }))

/** Manifests for property tests: in byte order, without duplicates. */
export function manifests(length: { minLength?: number; maxLength?: number } = {}): fc.Arbitrary<Entry[]> {
  return fc
    .uniqueArray(entries, { selector: (entry) => entry.path, ...length })
    .map((list) => list.toSorted((a, b) => compareKeys(a.path, b.path)))
}
