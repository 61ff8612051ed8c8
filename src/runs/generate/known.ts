import type { RunKey } from '../format/place.ts'
import { type Catalogue, keyOfRun } from './catalogue.ts'

/** A directory above runs, as it was. */
export interface KnownTop {
  readonly mtime: number
  readonly ctime: number
  readonly ino: number
  readonly settled: boolean
  readonly inner: Map<string, KnownTop>
}

/** The root with all below it; undefined where nothing is known. */
export function knownTops({ texts, tops }: Catalogue): KnownTop | undefined {
  const { level, name, mtime, ctime, ino, settled } = tops.columns
  const trail: KnownTop[] = []
  for (let row = 0; row < tops.length; row++) {
    const top = { mtime: mtime[row]!, ctime: ctime[row]!, ino: ino[row]!, settled: settled[row] === 1, inner: new Map() }
    trail.splice(level[row]!)
    trail.at(-1)?.inner.set(texts.at(name[row]!), top)
    trail.push(top)
  }
  return trail[0]
}

/** Finds the numbers of known runs. */
export interface RunNumbers {
  of(key: RunKey): number | undefined
  idsOf(project: string, name: string): readonly string[]
  inside(isInside: (key: RunKey) => boolean): Iterable<readonly [key: RunKey, run: number]>
}

export function runNumbers(known: Catalogue): RunNumbers {
  const folders = new Map<string, Map<string, number>>()
  for (let run = 0; run < known.runs.length; run++) {
    const { project, name, runId } = keyOfRun(known, run)
    const folder = `${project}/${name}`
    const runs = folders.get(folder) ?? new Map<string, number>()
    folders.set(folder, runs.set(runId, run))
  }
  return {
    of: ({ project, name, runId }) => folders.get(`${project}/${name}`)?.get(runId),
    idsOf: (project, name) => [...(folders.get(`${project}/${name}`)?.keys() ?? [])],
    *inside(isInside) {
      for (let run = 0; run < known.runs.length; run++) {
        const key = keyOfRun(known, run)
        if (isInside(key)) yield [key, run]
      }
    },
  }
}
