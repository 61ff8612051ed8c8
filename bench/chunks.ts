/**
 * The way of files into packs and back: `node --expose-gc bench/chunks.ts [megabytes] [small files]`.
 *
 * On generated data (code-like, text-like and random in large files, then small ones), in one run: each stage alone on one thread, the whole of a session with
 * worker threads, the same again where all is known, reading back, and `tar | zstd -1 -T2` as the peer. In MB for a CPU-second of the
 * whole process, since other work on a machine changes wall times. Last, what an index of 2,000,000 chunks needs.
 */
import { hash } from 'node:crypto'
import { closeSync, lstatSync, openSync, readdirSync, readFileSync, readSync } from 'node:fs'
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises'
import { cpus, tmpdir } from 'node:os'
import path from 'node:path'
import { openChunkStore } from '../src/chunks/index.ts'
import { wasmCutter } from '../src/chunks/cut/wasm.ts'
import { createChunkIndex } from '../src/chunks/indexes/chunk-index.ts'
import { compressBlock, freeNow } from '../src/chunks/pack/block.ts'
import { encodeTrailer, parseTrailer } from '../src/chunks/pack/trailer.ts'
import { defaultParameters } from '../src/chunks/parameters.ts'
import { type Digest, run, systemClock } from '../src/kit/index.ts'
import { createFileStore } from '../src/store/index.ts'
import { seededRandom } from '../test/fakes/seeded-random.ts'

const megabytes = Number(process.argv[2] ?? 600)
const smallFiles = Number(process.argv[3] ?? 30_000)
const random = seededRandom(4)

/** Instructions and addresses from a vocabulary, as object code has them: zstd makes about 0.4 of it. */
function codeLike(length: number): Uint8Array {
  const words = Array.from({ length: 4000 }, () => Buffer.from(Array.from({ length: 2 + random() * 9 }, () => random() * 256)))
  const bytes = Buffer.alloc(length)
  for (let at = 0; at < length;) {
    const word = words[Math.floor(random() ** 3 * words.length)]!
    at += word.copy(bytes, at)
    if (random() < 0.3 && at < length) bytes[at++] = random() * 256
  }
  return bytes
}

function textLike(length: number): Uint8Array {
  const words = Array.from({ length: 3000 }, () =>
    random()
      .toString(36)
      .slice(2, 3 + random() * 8),
  )
  let text = ''
  while (text.length < length) text += `${words[Math.floor(random() ** 2 * words.length)]} `
  return Buffer.from(text.slice(0, length))
}

function noise(length: number): Uint8Array {
  const words = Uint32Array.from({ length: Math.ceil(length / 4) }, () => random() * 2 ** 32)
  return new Uint8Array(words.buffer, 0, length)
}

async function makeFiles(folder: string): Promise<void> {
  const makers = [codeLike, codeLike, codeLike, textLike, noise]
  await mkdir(path.join(folder, 'large'), { recursive: true })
  for (let made = 0, index = 0; made < megabytes; made += 20, index++) {
    await writeFile(path.join(folder, 'large', String(index)), makers[index % makers.length]!(20_000_000))
  }
  const pool = Buffer.concat([codeLike(20_000_000), textLike(20_000_000)])
  for (let index = 0; index < smallFiles; index++) {
    if (index % 1000 === 0) await mkdir(path.join(folder, `small${Math.floor(index / 1000)}`))
    const start = Math.floor(random() * (pool.length - 8192))
    await writeFile(
      path.join(folder, `small${Math.floor(index / 1000)}`, String(index)),
      pool.subarray(start, start + 1024 + random() * 7168),
    )
  }
}

interface Row {
  readonly what: string
  readonly bytes: number
  readonly wall: number
  readonly cpu: number
  readonly note?: string
}

async function measured(
  what: string,
  work: () => Promise<{ bytes: number; note?: string }> | { bytes: number; note?: string },
): Promise<Row> {
  const [start, used] = [performance.now(), process.cpuUsage()]
  const { bytes, note = '' } = await work()
  const { user, system } = process.cpuUsage(used)
  return { what, bytes, wall: (performance.now() - start) / 1000, cpu: (user + system) / 1e6, note }
}

function filesIn(folder: string): string[] {
  return readdirSync(folder, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile())
    .map((entry) => path.join(entry.parentPath, entry.name))
}

async function* stages(folder: string): AsyncGenerator<Row> {
  const { chunking, compression } = defaultParameters
  const cutter = wasmCutter(chunking, 20_000_000)
  const large = filesIn(path.join(folder, 'large'))
  const load = (file: string) => {
    const fd = openSync(file, 'r')
    const length = readSync(fd, cutter.bytes, 0, 20_000_000, 0)
    closeSync(fd)
    return length
  }
  const perFile = (work: (length: number) => void) => () => {
    let bytes = 0
    for (const file of large) {
      const length = load(file)
      work(length)
      bytes += length
    }
    return { bytes }
  }
  const cut = (length: number, onChunk: (start: number, end: number) => void) => {
    for (let at = 0; at < length;) {
      const end = cutter.cut(at, length)
      onChunk(at, end)
      at = end
    }
  }
  yield await measured(
    'read',
    perFile(() => undefined),
  )
  yield await measured(
    'read, cut',
    perFile((length) => cut(length, () => undefined)),
  )
  yield await measured(
    'read, cut, hash',
    perFile((length) => cut(length, (start, end) => void hash('sha256', cutter.bytes.subarray(start, end), 'buffer'))),
  )
  yield await measured(
    'read, compress',
    perFile((length) => {
      for (let at = 0; at < length; at += 256 << 10) {
        const { method, bytes } = compressBlock(cutter.bytes.subarray(at, Math.min(length, at + (256 << 10))), compression.level)
        if (method === 'zstd') freeNow(bytes)
      }
    }),
  )
}

async function* sessions(folder: string, root: string): AsyncGenerator<Row> {
  const store = createFileStore({ root })
  const options = { clock: systemClock, random: Math.random }
  const files = filesIn(folder)
  const ids: Digest[] = []
  const write = async () => {
    const chunks = await openChunkStore(store, options)
    const writer = await chunks.startWriter({ by: 'bench' })
    const next = files[Symbol.iterator]()
    ids.length = 0
    const lane = async () => {
      for (const file of next) {
        const { size, mtimeNs, ctimeNs, ino, dev } = lstatSync(file, { bigint: true })
        const { chunks: list } = await writer.addFile(file, { size: Number(size), mtimeNs, ctimeNs, ino, dev })
        for (const { id } of list) ids.push(id)
      }
    }
    await Promise.all(Array.from({ length: writer.width }, lane))
    const stats = await writer.finish()
    await writer.publish(async () => undefined)
    await chunks.close()
    return {
      bytes: stats.read,
      note: `stored ${Math.round(stats.stored / 1e6)} MB in ${stats.packs} packs, ${stats.chunks.added} new chunks`,
    }
  }
  yield await measured(`session, ${files.length} files, nothing known`, write)
  yield await measured('session, everything known', write)
  yield await measured('read back, checked', async () => {
    const chunks = await openChunkStore(store, options)
    let bytes = 0
    for await (const chunk of chunks.readMany(ids)) bytes += chunk.bytes.byteLength
    await chunks.close()
    return { bytes }
  })
}

async function peer(folder: string): Promise<Row> {
  const start = performance.now()
  const { stdout } = await run(`cd '${folder}' && bash -c 'TIMEFORMAT="%U %S"; time (tar cf - . | zstd -q -1 -T2 | wc -c)' 2>&1`)
  const [stored = '0', times = '0 0'] = stdout.trim().split('\n')
  const [user = 0, system = 0] = times.split(' ').map(Number)
  const bytes = filesIn(folder).reduce((sum, file) => sum + lstatSync(file).size, 0)
  const note = `stored ${Math.round(Number(stored) / 1e6)} MB`
  return { what: 'peer: tar, zstd -1 -T2', bytes, wall: (performance.now() - start) / 1000, cpu: user + system, note }
}

function indexMemory(count: number): number {
  const memory = () => {
    globalThis.gc?.()
    const { heapUsed, arrayBuffers } = process.memoryUsage()
    return heapUsed + arrayBuffers
  }
  const before = memory()
  const index = createChunkIndex()
  const perBlock = 16
  for (let made = 0, pack = 0; made < count; made += perBlock * 64, pack++) {
    const blocks = Array.from({ length: 64 }, () => {
      const chunks = Buffer.from(noise(perBlock * 36))
      for (let chunk = 0; chunk < perBlock; chunk++) chunks.writeUInt32LE(16_384, chunk * 36 + 32)
      return { method: 'zstd' as const, stored: 100_000, plain: perBlock * 16_384, chunks }
    })
    index.add(`sha256:${hash('sha256', String(pack))}`, parseTrailer(encodeTrailer(blocks), 'bench'))
  }
  return (memory() - before) / 1e6
}

const folder = await mkdtemp(path.join(tmpdir(), 'holdfast-bench-'))
try {
  const data = path.join(folder, 'data')
  await makeFiles(data)
  for (const file of filesIn(data)) readFileSync(file)
  const rows: Row[] = []
  for await (const row of sessions(data, path.join(folder, 'store'))) rows.push(row)
  const peak = Math.round(process.resourceUsage().maxRSS / 1000)
  for await (const row of stages(data)) rows.push(row)
  rows.push(await peer(data))
  console.log(`Node ${process.version}, ${cpus().length} x ${cpus()[0]?.model ?? 'unknown CPU'}`)
  console.log('| what | MB | wall, s | CPU, s | MB per CPU-second | |\n|---|---|---|---|---|---|')
  for (const { what, bytes, wall, cpu, note = '' } of rows) {
    console.log(
      `| ${what} | ${Math.round(bytes / 1e6)} | ${wall.toFixed(2)} | ${cpu.toFixed(2)} | ${Math.round(bytes / 1e6 / cpu)} | ${note} |`,
    )
  }
  console.log(`\npeak memory of the process through the sessions and the making of the data: ${peak} MB`)
  console.log(`an index of 2,000,000 chunks: ${Math.round(indexMemory(2_000_000))} MB`)
} finally {
  await rm(folder, { recursive: true })
}
