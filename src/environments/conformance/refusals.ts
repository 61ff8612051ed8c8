import {
  appendFileSync,
  closeSync,
  existsSync,
  lstatSync,
  mkdirSync,
  openSync,
  readFileSync,
  readSync,
  renameSync,
  utimesSync,
  writeFileSync,
  writeSync,
} from 'node:fs'
import path from 'node:path'
import { diskFault, errno, isFault, run } from '../../kit/index.ts'
import { createSnapshot } from '../create.ts'
import { deleteSnapshot } from '../delete.ts'
import { findHolders } from '../holders.ts'
import { listSnapshots } from '../list.ts'
import { layoutOf } from '../names.ts'
import { restoreSnapshot } from '../restore.ts'
import { verifySnapshot } from '../verify.ts'
import { type CaseWorld, ensure, ensureEqual, ensureFault, type EnvironmentCase } from './case.ts'
import { changeTree, describeTree, ensureTree } from './odd-tree.ts'

/** What is refused, and what stays as it was then. */
export const refusalCases: readonly EnvironmentCase[] = [
  {
    name: 'a name that is taken, unusable or unknown is refused, and nothing changes',
    async run({ context, live, random, mode }) {
      await createSnapshot(context)
      changeTree(live, random)
      const present = await describeTree(live, mode)
      await ensureFault('already-exists', createSnapshot(context), 'a create under a name that is taken')
      for (const snapshot of ['../out', '', '.hidden', 'a/b', 'x.sqfs', 'x'.repeat(101), 'live']) {
        await ensureFault('invalid', createSnapshot(context, { snapshot }), `a create as ${JSON.stringify(snapshot)}`)
        await ensureFault('invalid', restoreSnapshot(context, { snapshot }), `a restore of ${JSON.stringify(snapshot)}`)
      }
      await ensureFault('not-found', restoreSnapshot(context, { snapshot: 'unknown' }), 'a restore of an unknown snapshot')
      await ensureFault('not-found', deleteSnapshot(context, 'unknown'), 'a delete of an unknown snapshot')
      await ensureTree(live, present, mode, 'the live directory after refusals')
    },
  },
  {
    name: 'a snapshot that the live directory stands on is not deleted; another one is, and the first stays whole',
    async run({ context, live, mode, random }) {
      const before = await describeTree(live, mode)
      await createSnapshot(context, { snapshot: 'one' })
      changeTree(live, random)
      await createSnapshot(context, { snapshot: 'two' })
      await restoreSnapshot(context, { snapshot: 'one' })
      const place = { ...context, settings: context.settings }
      if (await mode.inUse(place, 'one')) await ensureFault('busy', deleteSnapshot(context, 'one'), 'a delete of the snapshot in use')
      await deleteSnapshot(context, 'two')
      ensureEqual(
        (await listSnapshots(context)).snapshots.map(({ name }) => name),
        ['one'],
        'the snapshots that are left',
      )
      await restoreSnapshot(context, { snapshot: 'one' })
      await ensureTree(live, before, mode, 'the live directory after the other snapshot went')
    },
  },
  {
    name: 'of two restores at once both give the environment back, or the second is told that it is busy',
    async run({ context, live, random, mode }) {
      const before = await describeTree(live, mode)
      await createSnapshot(context)
      changeTree(live, random)
      await Promise.all([restoreSnapshot(context), restoreSnapshot(context)])
      await ensureTree(live, before, mode, 'the live directory after two restores at once')
      const impatient = { ...context, settings: { ...context.settings, onBusy: 'fail' as const } }
      const ends = await Promise.allSettled([restoreSnapshot(impatient), restoreSnapshot(impatient)])
      const failures = ends.filter((end) => end.status === 'rejected').map(({ reason }: { reason: unknown }) => reason)
      ensure(
        failures.length < 2 && failures.every((reason) => isFault(reason, 'busy')),
        `two impatient restores ended with ${String(failures)}`,
      )
      await ensureTree(live, before, mode, 'the live directory after two impatient restores')
    },
  },
  {
    name: 'a damaged byte is found when the whole snapshot is read, and nothing is given back then',
    async run(world) {
      const { context, live, random, mode } = world
      await createSnapshot(context, { checksum: true })
      await verifySnapshot(context)
      if (!(await damageByte(world))) return
      changeTree(live, random)
      const present = await describeTree(live, mode)
      await ensureFault('corrupt', verifySnapshot(context), 'the verification of a damaged snapshot')
      await ensureFault('corrupt', restoreSnapshot(context, { verify: true }), 'a restore of a damaged snapshot')
      await ensureTree(live, present, mode, 'the live directory after the damaged snapshot was refused')
    },
  },
  {
    name: 'a snapshot whose tree or image is gone is named as damaged, and nothing is given back',
    async run({ context, live, snapshotsDir, random, mode }) {
      await createSnapshot(context, { snapshot: 'one' })
      await createSnapshot(context, { snapshot: 'two' })
      const kept = [layoutOf(snapshotsDir).tree('one'), layoutOf(snapshotsDir).image('one')].filter((file) => existsSync(file))
      changeTree(live, random)
      const present = await describeTree(live, mode)
      for (const file of kept) {
        renameSync(file, `${file}.away`)
        const fault = await ensureFault('corrupt', restoreSnapshot(context, { snapshot: 'one' }), 'a restore of a snapshot that is gone')
        ensure(`${fault.message} ${fault.at}`.includes('one'), `the fault does not name the snapshot: ${fault.message}`)
        await ensureTree(live, present, mode, 'the live directory after the restore was refused')
        renameSync(`${file}.away`, file)
      }
    },
  },
  {
    name: 'a process inside is named, and the restore refused; with force it goes on',
    async run({ context, live, random, mode }) {
      const before = await describeTree(live, mode)
      await createSnapshot(context)
      changeTree(live, random)
      await withProcess(
        live,
        async (pid) => {
          const fault = await ensureFault('busy', restoreSnapshot(context), 'a restore with a process inside')
          ensure(fault.message.includes(String(pid)) && fault.message.includes('sleep'), `the process is not named: ${fault.message}`)
          await restoreSnapshot(context, { force: true })
        },
        context,
      )
      await ensureTree(live, before, mode, 'the live directory after a forced restore')
    },
  },
  {
    name: 'a create while a file is open for writing is refused, with the file named',
    needs: ({ createsBesideWriters }) => !createsBesideWriters,
    async run({ context, live }) {
      await withProcess(
        live,
        async () => {
          const fault = await ensureFault('busy', createSnapshot(context), 'a create beside a writer')
          ensure(fault.message.includes('node-1/log'), `the file is not named: ${fault.message}`)
        },
        context,
      )
      ensureEqual((await listSnapshots(context)).snapshots, [], 'the snapshots after a refused create')
      await createSnapshot(context)
    },
  },
  {
    name: 'a create goes on while a file is open for writing, and what is written later is not in it',
    needs: ({ createsBesideWriters }) => createsBesideWriters,
    async run({ context, live, mode }) {
      await createSnapshot(context, { snapshot: 'first' })
      const before = await describeTree(live, mode)
      await withProcess(
        live,
        async (pid) => {
          await createSnapshot(context)
          appendFileSync(`/proc/${pid}/fd/3`, 'later')
        },
        context,
      )
      ensure(readFileSync(path.join(live, 'node-1/log')).toString().endsWith('later'), 'the writer lost its file')
      await restoreSnapshot(context)
      await ensureTree(live, before, mode, 'what was kept beside a writer')
    },
  },
  {
    name: 'what a killed command was building is gone after the next',
    async run({ context, snapshotsDir, live, mode }) {
      await createSnapshot(context)
      const left = layoutOf(snapshotsDir).build('left')
      mkdirSync(left)
      writeFileSync(path.join(left, 'half'), 'half')
      const before = await describeTree(live, mode)
      await restoreSnapshot(context)
      ensure(!existsSync(left), 'it is still there')
      await ensureTree(live, before, mode, 'the live directory')
    },
  },
  {
    name: 'what is stopped before it began changes nothing',
    async run({ context, live, random, mode }) {
      await createSnapshot(context)
      changeTree(live, random)
      const present = await describeTree(live, mode)
      const stopped = { ...context, signal: AbortSignal.abort() }
      await ensureFault('aborted', restoreSnapshot(stopped), 'a stopped restore')
      await ensureFault('aborted', createSnapshot(stopped, { snapshot: 'another' }), 'a stopped create')
      await ensureTree(live, present, mode, 'the live directory')
      ensureEqual((await listSnapshots(context)).snapshots.length, 1, 'the snapshots')
    },
  },
]

/** Flips a byte in what a snapshot is kept in, and puts the time back. False where nothing of it can be written to from outside. */
async function damageByte({ context, snapshotsDir, mode }: CaseWorld): Promise<boolean> {
  const name = context.settings.snapshotName
  const image = layoutOf(snapshotsDir).image(name)
  if (existsSync(image)) return flipByte(image)
  const tree = await mode.open({ ...context, settings: context.settings }, name)
  const file = path.join(tree.path, 'node-1/db/large')
  let isDamaged = false
  try {
    isDamaged = flipByte(file)
  } finally {
    await tree.close()
  }
  // A tree that was made only to be read is no part of the snapshot.
  return isDamaged && existsSync(file)
}

function flipByte(file: string): boolean {
  const { size, atime, mtime } = lstatSync(file)
  const at = Math.floor(size / 2)
  let fd: number
  try {
    fd = openSync(file, 'r+')
  } catch (error) {
    if (errno(error) === 'EROFS') return false
    throw diskFault(error, file, 'damage it')
  }
  const byte = Buffer.alloc(1)
  readSync(fd, byte, 0, 1, at)
  byte[0]! ^= 0xff
  writeSync(fd, byte, 0, 1, at)
  closeSync(fd)
  utimesSync(file, atime, mtime)
  return true
}

/** Runs `work` beside a process that stands in the directory and has a file of it open for writing. */
async function withProcess(live: string, work: (pid: number) => Promise<void>, { clock, signal }: CaseWorld['context']): Promise<void> {
  const stop = new AbortController()
  const running = run(['/bin/sh', '-c', 'exec sleep 1000 3>>node-1/log'], { cwd: live, signal: stop.signal }).catch(() => undefined)
  try {
    for (;;) {
      const holder = findHolders(live, process.pid).holders.find(({ writes, command }) => writes && command === 'sleep')
      if (holder !== undefined) {
        await work(holder.pid)
        return
      }
      await clock.sleep(2, signal)
    }
  } finally {
    stop.abort()
    await running
  }
}
