/**
 * Two manifests of 1,000,000 entries each, compared: `node --max-semi-space-size=16 bench/manifest.ts [entries]`.
 * The flag bounds V8's young generation, which otherwise grows to 128 MB here and buys no speed.
 * Peers in the same run: a lookup table in plain JavaScript, and `comm` of coreutils on the two files.
 */
import { createReadStream, createWriteStream } from 'node:fs'
import { mkdtemp, rm } from 'node:fs/promises'
import { cpus, tmpdir } from 'node:os'
import path from 'node:path'
import { Readable } from 'node:stream'
import { pipeline } from 'node:stream/promises'
import { digestOf, run } from '../src/kit/index.ts'
import { decodeManifest, diffManifests, encodeManifest, type Entry, planOf } from '../src/manifest/index.ts'

const count = Number(process.argv[2] ?? 1_000_000)
const rounds = 5
const budget = { milliseconds: 2000, megabytes: 600 }

interface Row {
  readonly what: string
  readonly times: number[]
}

function* made(release: string): Generator<Entry> {
  for (let index = 0; index < count; index++) {
    const folder = `lib/part-${String(Math.floor(index / 1000)).padStart(4, '0')}`
    if (index % 97 === (release === 'old' ? 1 : 2)) continue
    const content = index % 50 === 0 ? `${index} ${release}` : `${index}`
    yield { path: `${folder}/object-${String(index).padStart(7, '0')}.o`, size: 1000 + index, digest: digestOf(content), mode: 0o644 }
  }
}

async function read(file: string): Promise<Entry[]> {
  const entries: Entry[] = []
  for await (const entry of decodeManifest(createReadStream(file), { at: file })) entries.push(entry)
  return entries
}

function countByTable(before: readonly Entry[], after: readonly Entry[]): number {
  const known = new Map(before.map((entry) => [entry.path, entry]))
  let differences = 0
  for (const entry of after) {
    const other = known.get(entry.path)
    if (other === undefined || other.digest !== entry.digest || other.size !== entry.size || other.mode !== entry.mode) differences++
    known.delete(entry.path)
  }
  return differences + known.size
}

async function timed<T>(row: Row, work: () => T | Promise<T>): Promise<T> {
  const start = performance.now()
  const result = await work()
  row.times.push(performance.now() - start)
  return result
}

function median(times: readonly number[]): number {
  return times.toSorted((a, b) => a - b)[Math.floor(times.length / 2)]!
}

const folder = await mkdtemp(path.join(tmpdir(), 'holdfast-bench-'))
try {
  const files = { old: path.join(folder, 'old'), new: path.join(folder, 'new') }
  for (const release of ['old', 'new'] as const) {
    await pipeline(Readable.from(encodeManifest(made(release))), createWriteStream(files[release]))
  }
  const decode: Row = { what: 'read one manifest from disk, checked', times: [] }
  const diff: Row = { what: 'diff and plan', times: [] }
  const encode: Row = { what: 'write one manifest', times: [] }
  const table: Row = { what: 'peer: lookup table in JavaScript', times: [] }
  const comm: Row = { what: 'peer: comm -3 on the two files, output counted', times: [] }

  const before = await timed(decode, () => read(files.old))
  const after = await timed(decode, () => read(files.new))
  let differences = 0
  for (let round = 0; round < rounds; round++) {
    const plan = await timed(diff, () => planOf(diffManifests(before, after), { remove: true }))
    differences = plan.adds.length + plan.changes.length + plan.removes.length
  }
  const peak = process.resourceUsage().maxRSS / 1000
  for (let round = 0; round < rounds; round++) {
    if ((await timed(table, () => countByTable(before, after))) !== differences) throw new Error('the lookup table disagrees')
    await timed(comm, () => run(`LC_ALL=C comm -3 '${files.old}' '${files.new}' | wc -l`))
    await timed(encode, async () => {
      for await (const piece of encodeManifest(before)) void piece
    })
    if (round > 1) await timed(decode, () => read(files.old))
  }
  console.log(
    `${before.length} and ${after.length} entries, ${differences} differences; Node ${[process.version, ...process.execArgv].join(' ')}, ${cpus()[0]?.model ?? 'unknown CPU'}`,
  )
  console.log('| what | median of 5, ms |\n|---|---|')
  for (const row of [diff, table, comm, decode, encode]) console.log(`| ${row.what} | ${Math.round(median(row.times))} |`)
  console.log(`\npeak memory with both manifests held, before the peers ran: ${Math.round(peak)} MB`)
  const missed = median(diff.times) > budget.milliseconds || peak > budget.megabytes
  console.log(`budget: ${budget.milliseconds} ms and ${budget.megabytes} MB: ${missed ? 'MISSED' : 'kept'}`)
  if (missed && count >= 1_000_000) process.exitCode = 1
} finally {
  await rm(folder, { recursive: true })
}
