/** One environment whose mode is changed in the configuration: every mode takes over from every other one. */
import assert from 'node:assert/strict'
import { spawnSync } from 'node:child_process'
import { existsSync, mkdirSync, mkdtempSync, readdirSync } from 'node:fs'
import path from 'node:path'
import { before, describe, test } from 'node:test'
import { describeTree, ensureTree } from '../../src/environments/conformance/odd-tree.ts'
import {
  createSnapshot,
  deleteSnapshot,
  environmentStatus,
  listSnapshots,
  restoreSnapshot,
  type SnapshotMode,
  stopEnvironment,
  verifySnapshot,
} from '../../src/environments/index.ts'
import { layoutOf } from '../../src/environments/names.ts'
import { readMounts, realSys as sys } from '../../src/kit/sys/index.ts'
import { environmentIn } from '../crash/environment-scene.ts'
import { dirtyNodes, fillNodes } from '../crash/environment-tree.ts'
import { seededRandom, testSeed } from '../fakes/seeded-random.ts'
import { mountImage } from '../services/loop-mount.ts'

const modes = ['overlay', 'squashfs', 'reflink', 'volume', 'filesystem', 'store', 'recreate'] as const satisfies SnapshotMode[]
type Mode = (typeof modes)[number]
const mounting: ReadonlySet<SnapshotMode> = new Set(['overlay', 'squashfs', 'volume'])

// The only file system here on which all of them work.
const xfs = await mountImage('xfs')
const random = seededRandom(testSeed)
const soak = process.env['HOLDFAST_SOAK'] === '1'

describe(`the mode of an environment changes (seed ${testSeed})`, { skip: 'reason' in xfs ? xfs.reason : false }, () => {
  let folder: string
  let live: string
  const states = new Map<string, readonly string[]>()
  const context = (mode: Mode) => environmentIn({ folder, mode, settings: { cleanup: 'rm -rf live/* && cp -a start/. live/' } })
  /** Without parts of a second, which an image does not hold. */
  const look = async () => await describeTree(live, { timesInSeconds: true })
  const assertIs = async (wanted: readonly string[], what: string) => await ensureTree(live, wanted, { timesInSeconds: true }, what)
  const assertShows = async (snapshot: string, what: string) => await assertIs(states.get(snapshot)!, what)
  /** Only the mode that gave it back has something mounted at the live directory. */
  const assertStandsOn = async (mode: Mode, what: string) => {
    const { mounts } = await environmentStatus(context(mode))
    const at = mounts.filter(({ at: place }) => place === live)
    assert.equal(at.length, mounting.has(mode) ? 1 : 0, `${what}: ${JSON.stringify(at)}`)
    assert.equal(readMounts().filter(({ at: place }) => place === live).length, at.length, what)
  }

  before(async () => {
    folder = mkdtempSync(path.join('directory' in xfs ? xfs.directory : '', 'modes-'))
    live = path.join(folder, 'live')
    mkdirSync(live)
    fillNodes(live, random)
    assert.equal(spawnSync('cp', ['-a', live, path.join(folder, 'start')]).status, 0)
    states.set('recreate', await look())
    for (const mode of modes) {
      if (mode !== 'recreate') {
        dirtyNodes(live, random)
        states.set(mode, await look())
      }
      await createSnapshot(context(mode), { snapshot: mode, checksum: true })
    }
  })

  test('a restore makes each mode take the place of each other one', async () => {
    await restoreSnapshot(context('overlay'), { snapshot: 'recreate' })
    let standing: Mode = 'recreate'
    for (const next of wayThrough(modes, standing)) {
      const what: string = `from ${standing} to ${next}`
      dirtyNodes(live, random)
      await restoreSnapshot(context(next), { snapshot: next })
      await assertShows(next, what)
      await assertStandsOn(next, what)
      standing = next
    }
  })

  test('a create in each mode keeps what another one shows, and leaves it as it is', async () => {
    let standing: Mode = 'recreate'
    await restoreSnapshot(context(standing), { snapshot: standing })
    for (const next of wayThrough(modes, standing)) {
      const what: string = `from ${standing} to ${next}`
      dirtyNodes(live, random)
      const shown = await look()
      await createSnapshot(context(next), { snapshot: 'made' })
      await assertIs(shown, `the live directory after a create, ${what}`)
      dirtyNodes(live, random)
      await restoreSnapshot(context(next), { snapshot: 'made' })
      if (next !== 'recreate') await assertIs(shown, `the snapshot that was made, ${what}`)
      await restoreSnapshot(context(next), { snapshot: next })
      await assertShows(next, what)
      await deleteSnapshot(context(next), 'made')
      standing = next
    }
  })

  test('after a restart of the machine each mode gives back where another one was mounted', async () => {
    for (const standing of modes.filter((mode) => mounting.has(mode))) {
      for (const next of modes) {
        await restoreSnapshot(context(standing), { snapshot: standing })
        unmountAll(folder)
        await restoreSnapshot(context(next), { snapshot: next })
        await assertShows(next, `from ${standing} to ${next} after a restart`)
        await assertStandsOn(next, `from ${standing} to ${next} after a restart`)
      }
    }
  })

  test('after a restart a stop gives back what was there, of whichever mode it was', async () => {
    for (const standing of modes.filter((mode) => mounting.has(mode))) {
      await restoreSnapshot(context(standing), { snapshot: standing })
      dirtyNodes(live, random)
      const shown = await look()
      unmountAll(folder)
      // The order in which the modes are asked must not matter.
      await stopEnvironment(context('filesystem'))
      await assertIs(shown, standing)
      await assertStandsOn('filesystem', standing)
    }
  })

  test('all snapshots are still whole, and what no snapshot needs is gone with them', async () => {
    for (const mode of modes) await verifySnapshot(context(mode), mode)
    await stopEnvironment(context('overlay'))
    for (const mode of modes) await deleteSnapshot(context('filesystem'), mode)
    assert.deepEqual(await listSnapshots(context('filesystem')), { snapshots: [], foreign: [], damaged: [] })
    const { snapshotsDir } = context('filesystem')
    const { layers, mounts, volumeImage } = layoutOf(snapshotsDir)
    assert.deepEqual(readdirSync(snapshotsDir), ['.holdfast'])
    for (const directory of [layers, mounts]) assert.deepEqual(readdirSync(directory), [], directory)
    assert.ok(!existsSync(volumeImage))
    assert.deepEqual(
      readMounts().filter(({ at }) => at.startsWith(`${folder}/`)),
      [],
    )
  })
})

/** Over all pairs in a soak run, else over some, which are others each time. */
function wayThrough(all: readonly Mode[], first: Mode): Mode[] {
  if (soak) return everyPair(all, first)
  const order = all.filter((mode) => mode !== first).map((mode) => ({ mode, at: random() }))
  const some = order.toSorted((one, other) => one.at - other.at).map(({ mode }) => mode)
  return [...some, first, ...some.toReversed()]
}

/** A way that begins at one and goes from each to each other one once (Hierholzer). */
function everyPair<T>(all: readonly T[], first: T): T[] {
  const left = new Map(all.map((from) => [from, all.filter((to) => to !== from)]))
  const stack = [first]
  const way: T[] = []
  while (stack.length > 0) {
    const next = left.get(stack.at(-1)!)!.pop()
    if (next === undefined) way.push(stack.pop()!)
    else stack.push(next)
  }
  return way.toReversed().slice(1)
}

function unmountAll(folder: string): void {
  for (;;) {
    const last = readMounts().findLast(({ at }) => at.startsWith(`${folder}/`))
    if (last === undefined) return
    sys.detachMount(last.at)
  }
}
