import { lstatSync } from 'node:fs'
import { diskFault, Fault, shownName, makeDirectoriesSync } from '../../../kit/index.ts'
import { createShortfall } from '../../../snapshots/attributes/index.ts'
import type { Given, Kept, Mode, ModeRestoreOptions, Place } from '../../mode.ts'
import { layoutOf } from '../../names.ts'
import { placeTree } from '../../switch/rename.ts'
import { discard, sweepTrash } from '../../trash.ts'
import { prepareForRsync } from '../../trees/before-rsync.ts'
import { copyTree } from '../../trees/copy.ts'
import { tellOmissions } from '../../trees/keep.ts'
import { type EqualPair, type KnownFiles, type KnownRoots, pairsOf, readKnownFiles, writeKnownFiles } from '../../trees/known-files.ts'
import { differenceOf, readMarks } from '../../trees/marks.ts'
import { mirrorTree } from '../../trees/mirror.ts'
import { syncTree } from '../../trees/sync.ts'
import { checkRsync, runRsync } from './rsync.ts'

/**
 * A snapshot is a full copy. A restore changes the live directory in place, and only what differs: by the system's rsync, or
 * block by block.
 */
export function createFilesystemMode(): Mode {
  return {
    name: 'filesystem',
    swaps: false,
    createsBesideWriters: false,
    async check({ settings, report }) {
      if (settings.copier === 'rsync') await checkRsync(report)
    },
    create,
    restore,
    open: async (place, name) => ({ path: baseOf(place, name), close: async () => undefined }),
    delete: async (place, name) => await discard(place, layoutOf(place.snapshotsDir).tree(name)),
    async recover(place) {
      await sweepTrash(place)
      return { notes: [] }
    },
    inUse: async () => false,
    mounts: async () => [],
    detach: async () => undefined,
  }
}

async function create(place: Place, name: string): Promise<Kept> {
  const { live, snapshotsDir, signal, clock, report } = place
  const layout = layoutOf(snapshotsDir)
  const build = layout.build(`filesystem-${Math.floor(place.random() * 2 ** 48).toString(36)}`)
  const since = clock.now()
  const before = readMarks(live, signal)
  const stored = await copyLive(place, build)
  syncTree(build)
  await placeTree(build, layout.tree(name))
  const changed = differenceOf(before, readMarks(live, signal))
  if (changed !== undefined) {
    const text = `the live directory changed while it was copied, so that the snapshot may be of several moments: ${shownName(changed) || 'its root'}`
    report({ kind: 'note', level: 'warning', text })
  } else remember(place, name, pairsOf(before, readMarks(layout.tree(name), signal)), since)
  return { stored }
}

/** The bytes of its files. */
async function copyLive({ live, settings, report, signal, lock }: Place, build: string): Promise<number> {
  if (settings.copier === 'rsync') {
    makeDirectory(build)
    return (await runRsync(live, build, { sparse: true, signal, lock })).written
  }
  const shortfall = createShortfall()
  const { bytes } = await copyTree(live, build, { how: 'copy', shortfall, report, signal })
  tellOmissions(shortfall, report, 'set')
  return bytes
}

function makeDirectory(directory: string): void {
  try {
    makeDirectoriesSync(directory, { mode: 0o700 })
  } catch (error) {
    throw diskFault(error, directory, 'make the directory for a copy')
  }
}

async function restore(place: Place, name: string, { checksum = false }: ModeRestoreOptions): Promise<Given> {
  const base = baseOf(place, name)
  const known = checksum ? undefined : readKnownFiles(layoutOf(place.snapshotsDir).index(name), rootsOf(place, name))
  return place.settings.copier === 'rsync'
    ? await restoreByRsync(place, name, base, known, checksum)
    : await restoreBlocks(place, name, base, known)
}

async function restoreByRsync(place: Place, name: string, base: string, known: KnownFiles | undefined, checksum: boolean): Promise<Given> {
  const { live, signal, clock, lock } = place
  const before = await prepareForRsync(base, live, known, signal)
  const { added, changed, removed, ...done } = await runRsync(base, live, { checksum, sparse: true, signal, lock })
  const written = before.written + done.written
  if (written > 0) syncTree(live)
  const after = readMarks(live, signal)
  remember(place, name, pairsOf(after, readMarks(base, signal)), clock.now())
  return { written, changed: { added, changed, removed: before.removed + removed } }
}

async function restoreBlocks(place: Place, name: string, base: string, known: KnownFiles | undefined): Promise<Given> {
  const { live, clock, report, signal } = place
  const shortfall = createShortfall()
  const { written, counts, pairs } = await mirrorTree(base, live, { known, shortfall, report, signal })
  if (counts.added + counts.changed + counts.removed > 0) syncTree(live)
  tellOmissions(shortfall, report, 'set')
  remember(place, name, pairs, clock.now())
  return { written, changed: counts }
}

function remember(place: Place, name: string, pairs: readonly EqualPair[], since: number): void {
  writeKnownFiles(layoutOf(place.snapshotsDir).index(name), rootsOf(place, name), pairs, since)
}

function rootsOf({ live, snapshotsDir }: Place, name: string): KnownRoots {
  const device = (directory: string) => lstatSync(directory, { bigint: true }).dev
  return { liveDevice: device(live), baseDevice: device(layoutOf(snapshotsDir).tree(name)) }
}

function baseOf(place: Place, name: string): string {
  const base = layoutOf(place.snapshotsDir).tree(name)
  const stats = lstatSync(base, { throwIfNoEntry: false })
  if (stats?.isDirectory() === true) return base
  throw new Fault('corrupt', `the tree of the snapshot ${name} is gone`, { at: base, hint: 'delete the snapshot and make it again' })
}
