import { compareKeys, type Digest } from '../../kit/index.ts'
import type { Catalogue } from '../records/catalogue.ts'
import type { PrefixFacts } from '../records/facts.ts'
import type { ProjectRecord } from '../records/project.ts'
import type { Scan } from './scan.ts'

/** The view of one prefix: what it should show, and what was found of it. */
export interface View {
  readonly prefix: string
  readonly catalogue: Digest
  readonly projects: Catalogue['projects']
  /** Kept up to date with what is written. */
  readonly scan: Scan
  /** By project, of its pages and companions when all of these companions were right. */
  readonly compared?: ReadonlyMap<string, Digest> | undefined
  readonly facts: PrefixFacts | undefined
  readonly rules: Digest
  readonly read: (record: Digest) => Promise<ProjectRecord>
  readonly dryRun: boolean
}

export interface WrittenView {
  /** Keys, in order. */
  readonly written: readonly string[]
  readonly removed: readonly string[]
  /** What caches may hold that is no longer so, as keys below the bucket; `numpy/` stands for `numpy/index.html`. */
  readonly purge: readonly string[]
  /** What to remember of it. */
  readonly facts: Omit<PrefixFacts, 'format'>
  /** Of all that the prefix has now; undefined where files are listed that the catalogue was not made of. */
  readonly seen: Digest | undefined
}

/** What a view tells while it is written. */
export interface ViewLog {
  wrote(key: string, isNew: boolean): void
  removed(key: string): void
}

export function createViewLog(prefix: string): ViewLog & { told(): Pick<WrittenView, 'written' | 'removed' | 'purge'> } {
  const [written, removed, purge]: [string[], string[], Set<string>] = [[], [], new Set()]
  const stale = (key: string) => {
    purge.add(key)
    if (key === 'index.html' || key.endsWith('/index.html')) purge.add(key.slice(0, -'index.html'.length))
  }
  const isPage = (key: string) => /(?:^|\/)index\.(?:html|json)$/.test(key.slice(prefix.length))
  return {
    wrote(key, isNew) {
      written.push(key)
      // A page that was not there may be remembered as missing.
      if (!isNew || isPage(key)) stale(key)
    },
    removed(key) {
      removed.push(key)
      stale(key)
    },
    told: () => ({ written: written.sort(compareKeys), removed: removed.sort(compareKeys), purge: [...purge].sort(compareKeys) }),
  }
}
