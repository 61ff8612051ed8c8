import { rmSync } from 'node:fs'
import path from 'node:path'
import { cloneSnapshot } from '../clone.ts'
import { createSnapshot } from '../create.ts'
import { diffSnapshots } from '../diff.ts'
import { restoreSnapshot } from '../restore.ts'
import { environmentStatus, stopEnvironment } from '../status.ts'
import { ensure, ensureEqual, type EnvironmentCase } from './case.ts'
import { changeTree, describeTree, emptyTree, ensureTree, hasHoles } from './odd-tree.ts'

/** What is given back is what was kept. */
export const sameTreeCases: readonly EnvironmentCase[] = [
  {
    name: 'a create leaves the live directory as it is',
    async run({ context, live, mode }) {
      const before = await describeTree(live, mode)
      await createSnapshot(context)
      await ensureTree(live, before, mode, 'the live directory after a create')
    },
  },
  {
    name: 'a restore gives every entry back as it was: bytes, owners, modes, times, attributes, links, pipes',
    async run({ context, live, random, mode }) {
      const before = await describeTree(live, mode)
      await createSnapshot(context)
      changeTree(live, random)
      await restoreSnapshot(context)
      await ensureTree(live, before, mode, 'the live directory after a restore')
    },
  },
  {
    name: 'holes are holes after a restore',
    async run({ context, live, random }) {
      if (!hasHoles(live)) return
      await createSnapshot(context)
      changeTree(live, random)
      await restoreSnapshot(context)
      ensure(hasHoles(live), 'the sparse file takes the room of all its bytes')
    },
  },
  {
    name: 'what is done to the live directory never reaches the snapshot, over several restores',
    async run({ context, live, random, mode }) {
      const before = await describeTree(live, mode)
      await createSnapshot(context)
      for (let round = 0; round < 3; round++) {
        changeTree(live, random)
        await restoreSnapshot(context)
        await ensureTree(live, before, mode, `the live directory after restore ${round + 1}`)
      }
    },
  },
  {
    name: 'a restore of what has not changed is a restore too',
    async run({ context, live, mode }) {
      const before = await describeTree(live, mode)
      await createSnapshot(context)
      await restoreSnapshot(context)
      await restoreSnapshot(context, { checksum: true })
      await ensureTree(live, before, mode, 'the live directory after two restores')
    },
  },
  {
    name: 'an emptied live directory is given back',
    async run({ context, live, mode }) {
      const before = await describeTree(live, mode)
      await createSnapshot(context)
      emptyTree(live)
      await restoreSnapshot(context)
      await ensureTree(live, before, mode, 'the live directory after it was emptied and given back')
    },
  },
  {
    name: 'a live directory that was taken away is given back',
    async run({ context, live, mode }) {
      const before = await describeTree(live, mode)
      await createSnapshot(context)
      await stopEnvironment(context)
      rmSync(live, { recursive: true })
      await restoreSnapshot(context)
      await ensureTree(live, before, mode, 'the live directory after it was removed and given back')
    },
  },
  {
    name: 'an environment goes back and forth between two snapshots',
    async run({ context, live, random, mode }) {
      const first = await describeTree(live, mode)
      await createSnapshot(context, { snapshot: 'first' })
      changeTree(live, random)
      const second = await describeTree(live, mode)
      await createSnapshot(context, { snapshot: 'second' })
      for (const [snapshot, expected] of [
        ['first', first],
        ['second', second],
        ['first', first],
      ] as const) {
        await restoreSnapshot(context, { snapshot })
        await ensureTree(live, expected, mode, `the live directory as ${snapshot}`)
      }
    },
  },
  {
    name: 'a stopped environment is a plain directory with its present content, and can be given back again',
    async run({ context, live, random, mode }) {
      const clean = await describeTree(live, mode)
      await createSnapshot(context)
      await restoreSnapshot(context)
      changeTree(live, random)
      const present = await describeTree(live, mode)
      await stopEnvironment(context)
      await ensureTree(live, present, mode, 'the live directory after a stop')
      ensureEqual((await environmentStatus(context)).mounts, [], 'what is mounted after a stop')
      await restoreSnapshot(context)
      await ensureTree(live, clean, mode, 'the live directory after a stop and a restore')
    },
  },
  {
    name: 'a fresh snapshot and the live directory do not differ; after changes they do, and not after a restore',
    async run({ context, live, random }) {
      await createSnapshot(context)
      const differences = async () =>
        (await diffSnapshots(context, { from: context.settings.snapshotName, checksum: true })).differences.map(({ path: name }) => name)
      ensureEqual(await differences(), [], 'the differences after a create')
      changeTree(live, random)
      const found = await differences()
      for (const name of ['node-1/db/large', 'node-1/log', 'new/n0', 'node-2/f10', 'node-2/pipe'])
        ensure(found.includes(name), `${name} changed, and is no difference`)
      await restoreSnapshot(context)
      ensureEqual(await differences(), [], 'the differences after a restore')
    },
  },
  {
    name: 'copies of a snapshot are equal to it and independent',
    async run({ context, live, folder, random, mode }) {
      const before = await describeTree(live, mode)
      await createSnapshot(context)
      const { copies } = await cloneSnapshot(context, { count: 2, to: path.join(folder, 'copies') })
      changeTree(copies[0]!, random)
      await ensureTree(copies[1]!, before, mode, 'the second copy')
      await restoreSnapshot(context)
      await ensureTree(live, before, mode, 'the live directory after a copy was changed')
    },
  },
]
