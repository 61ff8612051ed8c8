/** Databases that are really running, given back in every mode. */
import assert from 'node:assert/strict'
import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { chmodSync, copyFileSync, existsSync, mkdirSync, mkdtempSync } from 'node:fs'
import path from 'node:path'
import { DatabaseSync } from 'node:sqlite'
import { after, describe, test } from 'node:test'
import {
  createSnapshot,
  type EnvironmentContext,
  type EnvironmentSettings,
  environmentStatus,
  restoreSnapshot,
  type SnapshotMode,
  stopEnvironment,
} from '../../src/environments/index.ts'
import { asFault, isFault } from '../../src/kit/index.ts'
import { environmentIn } from '../crash/environment-scene.ts'
import { scratchForMounts } from '../fakes/scratch-mounts.ts'
import { type Mounted, mountImage } from '../services/loop-mount.ts'
import { createPostgres, whyNoPostgres } from '../services/postgres.ts'

const xfs = await mountImage('xfs')
const root = scratchForMounts()
for (const reached of [root, 'directory' in xfs ? path.dirname(xfs.directory) : root]) chmodSync(reached, 0o755)

interface Variant {
  readonly name: string
  readonly mode: SnapshotMode
  readonly on?: Mounted
  readonly settings?: Partial<EnvironmentSettings>
}

const variants: readonly Variant[] = [
  { name: 'overlay', mode: 'overlay' },
  { name: 'squashfs', mode: 'squashfs', settings: { squashfsCompression: 'gzip' } },
  { name: 'volume', mode: 'volume' },
  { name: 'reflink', mode: 'reflink', on: xfs },
  { name: 'filesystem with rsync', mode: 'filesystem' },
  { name: 'filesystem with the builtin copier', mode: 'filesystem', settings: { copier: 'builtin' } },
  { name: 'store', mode: 'store' },
]

/** An environment of its own, or why there is none here. */
async function environmentFor(variant: Variant, settings: Partial<EnvironmentSettings> = {}): Promise<EnvironmentContext | string> {
  const on = variant.on ?? { directory: root }
  if ('reason' in on) return on.reason
  const folder = mkdtempSync(path.join(on.directory, `${variant.mode}-`))
  chmodSync(folder, 0o755)
  mkdirSync(path.join(folder, 'live'))
  mkdirSync(path.join(folder, 'snapshots'))
  const context = environmentIn({ folder, mode: variant.mode, settings: { ...variant.settings, ...settings } })
  try {
    await (await context.modes(variant.mode)).check({ ...context, settings: context.settings })
    return context
  } catch (error) {
    if (!isFault(error, 'unsupported')) throw error
    return `${error.message} ${error.hint ?? ''}`
  }
}

const running = new Set<ChildProcess>()
after(() => running.forEach((process) => process.kill('SIGKILL')))

/** A process that has written to the database when this resolves. */
async function startWriter(file: string): Promise<ChildProcess> {
  const writer = spawn(process.execPath, [path.join(import.meta.dirname, '../crash/sqlite-writer-child.ts'), file], {
    stdio: ['ignore', 'pipe', 'inherit'],
  })
  running.add(writer)
  await once(writer.stdout, 'data')
  return writer
}

async function kill(writer: ChildProcess): Promise<void> {
  const ended = once(writer, 'exit')
  writer.kill('SIGKILL')
  await ended
  running.delete(writer)
}

function readDatabase(file: string): { whole: string; rows: number } {
  const database = new DatabaseSync(file)
  const first = (sql: string) => Object.values(database.prepare(sql).get() ?? {})[0]
  const read = { whole: String(first('pragma integrity_check')), rows: Number(first('select count(*) from rows')) }
  database.close()
  return read
}

describe('an SQLite database in WAL mode, written to by a process', () => {
  for (const variant of variants) {
    test(`${variant.name}: is what it was, whenever its writer is stopped by the hook`, async (t) => {
      let writer: ChildProcess | undefined
      // Killed and not closed: the log is part of the database then.
      const stop = async () => await kill(writer!)
      const start = async () => void (writer = await startWriter(file))
      const context = await environmentFor(variant, {
        hooks: { beforeCreate: stop, afterCreate: start, beforeRestore: stop, afterRestore: start },
      })
      if (typeof context === 'string') return t.skip(context)
      const file = path.join(context.live, 'node.db')
      const aside = mkdtempSync(path.join(root, 'aside-'))
      /** As it is on disk, without changing that. */
      const lookAt = (directory: string) => {
        for (const ending of ['', '-wal', '-shm']) {
          if (existsSync(`${directory}/node.db${ending}`)) copyFileSync(`${directory}/node.db${ending}`, `${aside}/node.db${ending}`)
        }
        return readDatabase(`${aside}/node.db`)
      }
      await start()
      const kept: { whole: string; rows: number }[] = []
      await createSnapshot({
        ...context,
        settings: {
          ...context.settings,
          hooks: {
            beforeCreate: stop,
            async afterCreate() {
              kept.push(lookAt(context.live))
              await start()
            },
          },
        },
      })
      for (let round = 0; round < 2; round++) {
        const seen: { whole: string; rows: number }[] = []
        const hooks = {
          beforeRestore: stop,
          async afterRestore() {
            seen.push(lookAt(context.live))
            await start()
          },
        }
        await restoreSnapshot({ ...context, settings: { ...context.settings, hooks } })
        assert.deepEqual(seen, kept)
        assert.equal(seen[0]!.whole, 'ok')
        assert.ok(seen[0]!.rows > 0)
      }
      await kill(writer!)
      assert.ok(readDatabase(file).rows >= kept[0]!.rows, 'it was written to again')
      await stopEnvironment(context)
      assert.equal(readDatabase(file).whole, 'ok')
    })
  }

  test('its writer is named where no hook stops it, and nothing is touched; with force the restore goes on', async (t) => {
    for (const variant of variants) {
      const context = await environmentFor(variant)
      if (typeof context === 'string') {
        t.diagnostic(`not ${variant.name}: ${context}`)
        continue
      }
      const file = path.join(context.live, 'node.db')
      await kill(await startWriter(file))
      const { rows } = readDatabase(file)
      await createSnapshot(context)
      const writer = await startWriter(file)
      const refused = await restoreSnapshot(context).catch(asFault)
      assert.ok(isFault(refused, 'busy'), variant.name)
      assert.match(refused.message, new RegExp(`  ${writer.pid} \\S+ \\(node\\): has (open|mapped) /`))
      assert.ok(refused.message.includes(file), refused.message)
      assert.match(refused.hint ?? '', /before_restore.*--force/)
      assert.equal(writer.exitCode, null)
      assert.equal((await environmentStatus(context)).last, undefined)
      await restoreSnapshot(context, { force: true })
      await kill(writer)
      // What works in place changes the file under the writer, which goes on: so this is for who knows what is inside.
      if ((await context.modes(variant.mode)).swaps) assert.deepEqual(readDatabase(file), { whole: 'ok', rows }, variant.name)
      await restoreSnapshot(context)
      assert.deepEqual(readDatabase(file), { whole: 'ok', rows }, variant.name)
      await stopEnvironment(context)
    }
  })
})

const noPostgres = await whyNoPostgres()

describe('a PostgreSQL server, stopped and started by shell lines', { skip: noPostgres ?? false }, () => {
  for (const variant of variants) {
    test(`${variant.name}: rows since the snapshot are gone, and it serves again`, async (t) => {
      const plain = await environmentFor(variant)
      if (typeof plain === 'string') return t.skip(plain)
      const home = mkdtempSync(path.join(root, 'postgres-'))
      const server = createPostgres(home, path.join(plain.live, 'node-1'))
      const { start, stop, isReady } = server.lines
      const hooks = { beforeCreate: stop, afterCreate: start, beforeRestore: stop, afterRestore: start, health: isReady }
      const context = { ...plain, settings: { ...plain.settings, hooks } }
      server.run(start)
      try {
        server.query(
          "create table wallets (id serial primary key, text text); insert into wallets (text) select 'clean' from generate_series(1, 1000)",
        )
        await createSnapshot(context)
        for (let round = 0; round < 2; round++) {
          server.query(
            "insert into wallets (text) select 'dirty' from generate_series(1, 5000); update wallets set text = 'dirty' where id < 500; create table extra ()",
          )
          await restoreSnapshot(context)
          assert.equal(server.query('select count(*), min(text), max(text) from wallets'), '1000|clean|clean')
          assert.equal(server.query("select to_regclass('extra') is null"), 't')
        }
        assert.equal(((await restoreSnapshot({ ...plain }).catch(asFault)) as { code?: string }).code, 'busy')
        server.query("insert into wallets (text) values ('last')")
      } finally {
        server.run(stop)
      }
      await stopEnvironment(plain)
      server.run(start)
      assert.equal(server.query('select count(*) from wallets'), '1001', 'stopped, it is a plain directory with what it had')
      server.run(stop)
    })
  }
})
