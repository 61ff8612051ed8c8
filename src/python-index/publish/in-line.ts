import { canonicalJson, type Digest, digestOf } from '../../kit/index.ts'
import type { IndexEnvironment } from '../environment.ts'
import { type Group, listedDigest, type Scan } from './scan.ts'
import { rowSum } from './sum.ts'
import type { Catalogue } from '../records/catalogue.ts'

/** What else the bytes and headers of a view follow from: a view that was written under other rules is looked at anew. */
export function rulesOf({ pageCache, fileCache, urls }: IndexEnvironment): Digest {
  return digestOf(canonicalJson({ pageCache, fileCache, urls }))
}

/** Of all that a prefix has, as its facts remember it: distributions, companions and pages. */
export function sumOfScan(scan: Scan, rules: Digest): Digest {
  const sum = rowSum(rules)
  for (const row of scan.root.values()) sum.addRow(row)
  for (const { files, companions, pages } of scan.groups.values()) {
    for (const rows of [files, companions.values(), pages.values()]) for (const row of rows) sum.addRow(row)
  }
  return sum.digest()
}

/** Of a project's pages and companions; with `only` of the companions of these files. */
export function sumOfView({ companions, pages }: Group, rules: Digest, only?: ReadonlySet<string>): Digest {
  const sum = rowSum(rules)
  for (const row of pages.values()) sum.addRow(row)
  for (const [file, row] of companions) if (only?.has(file) ?? true) sum.addRow(row)
  return sum.digest()
}

export function sumOfRoot({ root }: Scan, rules: Digest): Digest {
  const sum = rowSum(rules)
  for (const row of root.values()) sum.addRow(row)
  return sum.digest()
}

/** Whether the catalogue was made of the distributions that are listed. */
export function isMadeOf(projects: Catalogue['projects'], scan: Scan): boolean {
  for (const [name, group] of scan.groups) {
    if (group.files.length > 0 && projects[name]?.listed !== listedDigest(group)) return false
  }
  const nothing = listedDigest(undefined)
  return Object.entries(projects).every(([name, { listed }]) => (scan.groups.get(name)?.files.length ?? 0) > 0 || listed === nothing)
}
