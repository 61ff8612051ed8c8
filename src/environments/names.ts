import path from 'node:path'
import { Fault } from '../kit/index.ts'

const form = /^[A-Za-z0-9][A-Za-z0-9._-]{0,99}$/
const endings = ['.sqfs', '.meta.json', '.files']

/** What the live directory is called where a snapshot could be named. No snapshot has this name. */
export const liveName = 'live'

export function isSnapshotName(name: string): boolean {
  return form.test(name) && name !== liveName && !endings.some((ending) => name.endsWith(ending))
}

/** Throws `invalid` for what cannot be the name of a snapshot. */
export function checkSnapshotName(name: string): void {
  if (isSnapshotName(name)) return
  if (name === liveName) throw new Fault('invalid', `no snapshot can be called ${liveName}: that is the live directory`)
  throw new Fault('invalid', `not a name for a snapshot: ${JSON.stringify(name.slice(0, 120))}`, {
    hint: `use letters, digits, dots, dashes and underscores, 100 at most, beginning with a letter or digit and not ending in ${endings.join(', ')}`,
  })
}

/** What lies where in a snapshots directory; docs/formats.md says the same in words. */
export function layoutOf(snapshotsDir: string) {
  const home = path.join(snapshotsDir, '.holdfast')
  const inHome = (name: string) => path.join(home, name)
  return {
    tree: (name: string) => path.join(snapshotsDir, name),
    image: (name: string) => path.join(snapshotsDir, `${name}.sqfs`),
    record: (name: string) => path.join(snapshotsDir, `${name}.meta.json`),
    /** What is known of the live tree since it was last given back: an index of the in-place modes. */
    index: (name: string) => path.join(snapshotsDir, `${name}.files`),
    home,
    lock: inHome('lock'),
    /** Of the test suite that the environment was given back for, until it has ended. */
    suiteLock: inHome('suite.lock'),
    state: inHome('state.json'),
    restores: inHome('restores.jsonl'),
    /** Stands while an in-place restore has begun and not ended. */
    mark: inHome('restoring.json'),
    /** Stands while a create has begun and not ended. */
    intent: inHome('creating.json'),
    /** Stands while copies are made elsewhere. */
    cloning: inHome('cloning.json'),
    layers: inHome('layers'),
    mounts: inHome('mounts'),
    trash: inHome('trash'),
    logs: inHome('logs'),
    preserved: inHome('preserved'),
    volumeImage: inHome('volume.img'),
    volume: inHome('volume'),
    /** A tree that is built aside; what a killed command left of these is removed by the next. */
    build: (suffix: string) => inHome(`${buildStart}${suffix}`),
  }
}

export const buildStart = 'build-'

/** The snapshot that a file of the snapshots directory belongs to; undefined for all else. */
export function snapshotOfFile(file: string): { readonly name: string; readonly kind: 'tree' | 'image' | 'record' | 'index' } | undefined {
  const kinds = { '.sqfs': 'image', '.meta.json': 'record', '.files': 'index' } as const
  for (const [ending, kind] of Object.entries(kinds)) {
    const name = file.slice(0, -ending.length)
    if (file.endsWith(ending)) return isSnapshotName(name) ? { name, kind } : undefined
  }
  return isSnapshotName(file) ? { name: file, kind: 'tree' } : undefined
}
