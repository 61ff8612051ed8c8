/**
 * Disaster drills: what docs/operations.md tells people to do, done. The commands of a drill are those of its section, word for word: a
 * test makes the disaster and walks the blocks of shell lines in a real shell, with the real command line.
 */
import assert from 'node:assert/strict'
import { spawn } from 'node:child_process'
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { type TestContext, test } from 'node:test'
import { runCli } from '../../src/cli/program.ts'
import { loadConfig } from '../../src/config/index.ts'
import { silent, systemClock } from '../../src/kit/index.ts'
import type { ObjectStore } from '../../src/store/index.ts'
import { openWire } from '../../src/wire/index.ts'
import { buildWheel } from '../fakes/distributions.ts'
import { fakeTerminal } from '../fakes/terminal.ts'
import { s3ForTests } from '../services/index.ts'

const root = path.resolve(import.meta.dirname, '../..')
const page = path.join(root, 'docs/operations.md')
const heading = '## Disaster drills'
/** Code that was compiled once, for all commands of a file. */
const compiled = mkdtempSync(path.join(tmpdir(), 'holdfast-drills-compiled-'))
process.on('exit', () => rmSync(compiled, { recursive: true, force: true }))

/** The drills in the documentation: by title, the blocks of shell lines. A line may end in `# exit 1: why`. */
export function documentedDrills(): Map<string, string[][]> {
  const text = readFileSync(page, 'utf8')
  const part = text.slice(text.indexOf(heading) + heading.length).split(/^## /m)[0]!
  const sections = part.split(/^### /m).slice(1)
  return new Map(
    sections.map((section) => {
      const blocks = [...section.matchAll(/^```sh\n(.*?)^```/gms)].map(([, block]) => block!.trimEnd().split('\n'))
      return [section.slice(0, section.indexOf('\n')), blocks]
    }),
  )
}

export interface Line {
  readonly text: string
  readonly exit: number
  readonly out: string
  readonly err: string
}

/** A project that has something of every capability, with a copy of its store, and the shell of whoever looks after it. */
export interface Place {
  readonly folder: string
  readonly env: NodeJS.ProcessEnv
  /** A path in the project. */
  at(...parts: readonly string[]): string
  /** Runs a command in this process; it has to end with that status. Gives what it printed. */
  holdfast(line: string, exit?: number): Promise<string>
  /** Writes the next build, and releases it. */
  release(content: string, ...more: readonly string[]): Promise<void>
  /** What fetches of the stable release get. */
  stable(): Promise<string>
  /** The store as its driver shows it, to do harm in. */
  withStore<T>(work: (store: ObjectStore) => Promise<T>): Promise<T>
  /** Runs lines in the shell, as they are in the documentation: each ends as its comment says, or with 0. */
  shell(lines: readonly string[], env?: NodeJS.ProcessEnv): Promise<readonly Line[]>
}

export interface Drill extends Place {
  /** Where this machine cannot do it. */
  skip(reason: string): void
  readonly test: TestContext
  /** Walks the next block of the section. */
  walk(env?: NodeJS.ProcessEnv): Promise<readonly Line[]>
}

export interface DrillOptions {
  /** Walks it a second time with stores in buckets of a real S3 server. */
  readonly alsoOnS3?: boolean
}

/** A test of the section with that title. All of its blocks have to be walked. */
export function drill(title: string, work: (drill: Drill) => Promise<void>, { alsoOnS3 = false }: DrillOptions = {}): void {
  walkOn(title, title, work, async () => ({}))
  if (alsoOnS3) walkOn(title, `${title} (on S3)`, work, bucketsFor)
}

/** Undefined where the test was skipped. */
type FindStores = (t: TestContext) => Promise<Partial<Stores> | undefined>

interface Stores {
  readonly store: string
  readonly backup: string
  /** Lines of the configuration. */
  readonly settings: string
  readonly env: NodeJS.ProcessEnv
}

async function bucketsFor(t: TestContext): Promise<Partial<Stores> | undefined> {
  const server = await s3ForTests(t)
  if (server === undefined) return undefined
  return {
    store: `s3://${await server.newBucket()}/builds`,
    backup: `s3://${await server.newBucket()}/copy`,
    settings: `[store.s3]\nendpoint = "${server.endpoint}"\nregion = "${server.region}"\n`,
    env: { AWS_ACCESS_KEY_ID: server.accessKeyId, AWS_SECRET_ACCESS_KEY: server.secretAccessKey },
  }
}

function walkOn(title: string, name: string, work: (drill: Drill) => Promise<void>, find: FindStores): void {
  test(name, async (t) => {
    const blocks = documentedDrills().get(title)
    assert.ok(blocks !== undefined && blocks.length > 0, `docs/operations.md has no drill of that title`)
    const stores = await find(t)
    if (stores === undefined) return
    const place = openPlace(t, stores)
    let next = 0
    const walk = async (env?: NodeJS.ProcessEnv) => {
      assert.ok(next < blocks.length, 'the section has no further block')
      return await place.shell(blocks[next++]!, env)
    }
    let isSkipped = false
    const skip = (reason: string) => {
      isSkipped = true
      t.skip(reason)
    }
    await work({ ...place, test: t, walk, skip })
    if (isSkipped) return
    assert.equal(next, blocks.length, 'every block of the section is walked')
  })
}

const configuration = `
[release.rcclx]
artifact = "out/librcclx-dev.a"
variant_flag = "rocm-version"
variants = { "6.4" = { constraint = "6.4.2" } }
metadata = "snapshots"
publish = "file:./tree"
[index]
bucket = "file:./wheels"
prefixes = ["staging", "v2"]
[env.stage]
path = "live"
mode = "filesystem"
copier = "builtin"
`

function openPlace(t: TestContext, stores: Partial<Stores>): Place {
  const base = mkdtempSync(path.join(tmpdir(), 'holdfast-drill-'))
  t.after(() => rmSync(base, { recursive: true, force: true }))
  const folder = path.join(base, 'project')
  const at = (...parts: readonly string[]) => path.join(folder, ...parts)
  for (const inner of ['out', 'live', 'wheels/staging']) mkdirSync(at(inner), { recursive: true })
  const store = stores.store ?? 'file:./store'
  writeFileSync(at('holdfast.toml'), `[store]\nurl = "${store}"\n${stores.settings ?? ''}${configuration}`)
  const bin = path.join(base, 'bin')
  mkdirSync(bin)
  writeFileSync(path.join(bin, 'holdfast'), `#!/bin/sh\nexec '${process.execPath}' '${root}/bin/holdfast.cjs' "$@"\n`, { mode: 0o755 })
  const env: NodeJS.ProcessEnv = {
    PATH: `${bin}:${process.env['PATH']}`,
    HOME: path.join(base, 'home'),
    XDG_STATE_HOME: path.join(base, 'state'),
    XDG_CACHE_HOME: path.join(base, 'cache'),
    NODE_COMPILE_CACHE: compiled,
    USER: 'ann',
    NO_COLOR: '1',
    STORE: stores.store ?? `file:${at('store')}`,
    BACKUP: stores.backup ?? `file:${path.join(base, 'backup')}`,
    ...stores.env,
  }

  const place: Place = {
    folder,
    env,
    at,
    async holdfast(line, exit = 0) {
      const terminal = fakeTerminal({ cwd: folder, env, clock: systemClock, random: Math.random })
      const status = await runCli(line.split(' '), terminal.host)
      assert.equal(status, exit, `${line}: ${terminal.out()}${terminal.err()}`)
      return terminal.out()
    },
    async release(content, ...more) {
      writeFileSync(at('out/librcclx-dev.a'), content)
      await place.holdfast(['release create --rocm-version 6.4 --no-build --yes', ...more].join(' '))
    },
    async stable() {
      await place.holdfast('release fetch rcclx --rocm-version 6.4 --output fetched.a --force --yes')
      return readFileSync(at('fetched.a'), 'utf8')
    },
    async withStore(work) {
      const config = await loadConfig({ cwd: folder, env })
      const wire = await openWire({ config, env, clock: systemClock, random: Math.random, report: silent })
      try {
        return await work(await wire.store())
      } finally {
        await wire.close()
      }
    },
    shell: async (lines, more = {}) => await runLines(folder, { ...env, ...more }, lines),
  }
  return place
}

/** Releases, a snapshot, an environment that was pushed, an index, and a copy of the store. */
export async function furnish(place: Place): Promise<void> {
  await place.release('first')
  await place.release('second')
  writeFileSync(place.at('live/wallet.db'), 'clean state '.repeat(10_000))
  await place.holdfast('snapshot create live --name stage')
  await place.holdfast('env create stage')
  await place.holdfast('env push stage')
  for (const version of ['1.0', '2.0']) {
    const wheel = buildWheel({ name: 'example', version })
    writeFileSync(place.at('wheels/staging', wheel.file), wheel.bytes)
  }
  await place.holdfast('index publish all')
  await place.holdfast('index promote staging v2')
  await place.holdfast(`store copy --to ${place.env['BACKUP']}`)
}

/** Each line by itself, as it would be typed. Stops at the first that does not end as it should. */
async function runLines(cwd: string, env: NodeJS.ProcessEnv, lines: readonly string[]): Promise<readonly Line[]> {
  const done: Line[] = []
  for (const line of lines) {
    const [text, comment = ''] = line.split(/\s+# /)
    const expected = Number(/^exit (\d+)/.exec(comment)?.[1] ?? 0)
    const ran = await runLine(cwd, env, text!)
    assert.equal(ran.exit, expected, `$ ${line}\n${ran.out}${ran.err}`)
    done.push(ran)
  }
  return done
}

async function runLine(cwd: string, env: NodeJS.ProcessEnv, text: string): Promise<Line> {
  const child = spawn('bash', ['-c', `set -o pipefail; ${text}`], { cwd, env, stdio: ['ignore', 'pipe', 'pipe'] })
  const [out, err, exit] = await Promise.all([
    textOf(child.stdout),
    textOf(child.stderr),
    new Promise<number>((resolve) => child.on('exit', (code) => resolve(code ?? -1))),
  ])
  return { text, exit, out, err }
}

async function textOf(stream: NodeJS.ReadableStream): Promise<string> {
  let text = ''
  for await (const piece of stream) text += String(piece)
  return text
}
