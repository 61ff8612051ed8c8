import { rm } from 'node:fs/promises'
import { Fault, isFault, type Report } from '../../../kit/index.ts'
import type { SnapshotContext } from '../../../snapshots/index.ts'
import type { Given, Kept, Mode, ModeRestoreOptions, OpenedTree, Place } from '../../mode.ts'
import { layoutOf } from '../../names.ts'
import { tellLeftOut } from '../../left-out.ts'

export interface StoreModeNeeds {
  /** What the configuration calls it: its snapshots are the line `env/NAME` of the store. */
  readonly environment: string
  /** Opens the store. */
  readonly snapshots: () => Promise<SnapshotContext>
}

/**
 * A snapshot lies in a holdfast store, which may be far away and holds every piece once: creating one sends what is new. A
 * restore changes the live directory in place, and fetches and writes only what differs. It is pinned there until it is deleted.
 */
export function createStoreMode(needs: StoreModeNeeds): Mode {
  return {
    name: 'store',
    swaps: false,
    createsBesideWriters: false,
    async check() {
      await needs.snapshots()
    },
    create: async (place, name) => await create(needs, place, name),
    restore: async (place, name, options) => await restore(needs, place, name, options),
    open: async (place, name) => await open(needs, place, name),
    verify: async (place, name, kept) => await verify(needs, place, name, kept),
    delete: async (_place, name) => await forget(needs, name),
    recover: async () => ({ notes: [] }),
    inUse: async () => false,
    mounts: async () => [],
    detach: async () => undefined,
  }
}

/** Loaded with the first use: it is a lot. */
const room = async () => await import('../../../snapshots/index.ts')

function lineOf({ environment }: StoreModeNeeds): string {
  return `env/${encodeURIComponent(environment)}`
}

async function create(needs: StoreModeNeeds, { live, report }: Place, name: string): Promise<Kept> {
  const { createSnapshot, pinSnapshot } = await room()
  const context = await needs.snapshots()
  const made = await createSnapshot(context, { paths: [live], cwd: live, name: lineOf(needs), tags: [name] })
  assertWhole(made.problems, `kept in ${context.store.name}`)
  await tellLeftOut(made, report)
  await pinSnapshot(context, made.id, { message: `${lineOf(needs)}/${name}` })
  return { stored: made.stats?.stored ?? 0, digest: made.record.root, facts: { snapshot: made.id } }
}

async function restore(
  needs: StoreModeNeeds,
  { live, report }: Place,
  name: string,
  { kept, checksum = false }: ModeRestoreOptions,
): Promise<Given> {
  const { restoreSnapshot } = await room()
  const context = await needs.snapshots()
  const snapshot = await find(needs, context, name, String(kept.facts?.['snapshot']))
  const { written, problems, omissions } = await restoreSnapshot(context, {
    snapshot,
    path: '',
    target: live,
    delete: true,
    allowDevices: true,
    force: checksum,
  })
  assertWhole(problems, 'restored')
  await tellUnset(omissions, report)
  return { written }
}

async function open(needs: StoreModeNeeds, { snapshotsDir, random }: Place, name: string): Promise<OpenedTree> {
  const { restoreSnapshot } = await room()
  const context = await needs.snapshots()
  const snapshot = await find(needs, context, name)
  const target = layoutOf(snapshotsDir).build(`store-${Math.floor(random() * 2 ** 48).toString(36)}`)
  const close = async () => await rm(target, { recursive: true, force: true })
  try {
    const { problems } = await restoreSnapshot(context, { snapshot, path: '', target, delete: true, allowDevices: true })
    assertWhole(problems, 'brought from the store')
    return { path: target, close }
  } catch (error) {
    await close()
    throw error
  }
}

/** Reads every chunk. */
async function verify(needs: StoreModeNeeds, { random, report, signal }: Place, name: string, kept: Kept): Promise<void> {
  const { verifySnapshots } = await room()
  const context = await needs.snapshots()
  const snapshot = await find(needs, context, name, String(kept.facts?.['snapshot']))
  const { damage } = await verifySnapshots(context.store, await context.chunks(), [snapshot], { readData: 1, random, report, signal })
  const [first] = damage
  if (first === undefined) return
  throw new Fault('corrupt', `the snapshot ${name} of ${needs.environment} is damaged: ${first.kind} ${first.id}: ${first.message}`, {
    at: context.store.name,
    hint: 'mend the store (holdfast store verify), or delete the snapshot and make it again',
  })
}

/** By its id, where that is known; else the newest that has the name. */
async function find(needs: StoreModeNeeds, context: SnapshotContext, name: string, id?: string) {
  const { listSnapshots } = await room()
  const all = await listSnapshots(context, { name: lineOf(needs), tags: [name] })
  const found = id === undefined ? all.at(-1) : all.find((each) => each.id === id)
  if (found !== undefined) return found
  throw new Fault('corrupt', `the store has the snapshot ${name} of ${needs.environment} no more`, {
    at: context.store.name,
    hint: 'delete the snapshot and make it again',
  })
}

/** All of that name, also what a create that was killed has left. */
async function forget(needs: StoreModeNeeds, name: string): Promise<void> {
  const { forgetSnapshots, listSnapshots, unpinSnapshot } = await room()
  const context = await needs.snapshots()
  const found = await listSnapshots(context, { name: lineOf(needs), tags: [name] })
  for (const { id } of found) {
    try {
      await unpinSnapshot(context, id)
    } catch (error) {
      if (!isFault(error, 'nothing-to-do')) throw error
    }
  }
  if (found.length > 0) await forgetSnapshots(context, { ids: found.map(({ id }) => id), filter: { name: lineOf(needs) } })
}

interface Problems {
  readonly count: number
  readonly first: readonly { readonly path: string; readonly message: string }[]
}

function assertWhole({ count, first }: Problems, done: string): void {
  if (count === 0) return
  throw new Fault('partial', `${count} entries could not be ${done}, such as ${first[0]?.path}: ${first[0]?.message}`, {
    at: first[0]?.path,
  })
}

type Omissions = Parameters<typeof import('../../../snapshots/index.ts').describeOmission>[0][]

async function tellUnset(omissions: Readonly<Omissions>, report: Report): Promise<void> {
  const { describeOmission } = await room()
  for (const omission of omissions) report({ kind: 'note', level: 'warning', text: describeOmission(omission, 'set') })
}
