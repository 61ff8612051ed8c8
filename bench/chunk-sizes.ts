/**
 * Which chunk sizes and compression a store should have: `node bench/chunk-sizes.ts [megabytes]`.
 *
 * A static library is put together from members of real archives and pieces of real shared objects of this machine; six versions of it
 * differ in 5 % of the members each, as in a rebuild. Per choice: what all versions need when stored (new chunks only, compressed in
 * blocks, 37 bytes of trailer a chunk), what a later version adds, and chunks per GB, which is what an index must hold.
 */
import { hash } from 'node:crypto'
import { globSync, readFileSync, statSync } from 'node:fs'
import { constants, zstdCompressSync } from 'node:zlib'
import { wasmCutter } from '../src/chunks/cut/wasm.ts'
import { seededRandom } from '../test/fakes/seeded-random.ts'

const total = Number(process.argv[2] ?? 400) << 20
const meanMember = Number(process.argv[3] ?? 48) << 10
const random = seededRandom(20)

function* realCode(): Generator<Buffer> {
  const files = globSync(['/usr/lib/**/*.so*', '/usr/lib/**/*.a', '/usr/local/lib/**/*.so*']).filter((file) => {
    const stat = statSync(file, { throwIfNoEntry: false })
    return stat?.isFile() === true && stat.size > 100_000 && stat.size < 64 << 20
  })
  const seen = new Set<string>()
  for (const file of files.toSorted()) {
    const bytes = readFileSync(file)
    const digest = hash('sha256', bytes)
    if (!seen.has(digest)) yield bytes
    seen.add(digest)
  }
}

/** Pieces of exponentially distributed length. */
function* members(): Generator<Buffer> {
  for (const file of realCode()) {
    for (let at = 0; at < file.length;) {
      const length = 512 + Math.floor(-Math.log(1 - random()) * meanMember)
      yield file.subarray(at, at + length)
      at += length
    }
  }
}

function versions(): Buffer[] {
  const pool = members()
  const current: Buffer[] = []
  let size = 0
  while (size < total) {
    const { value, done } = pool.next()
    if (done === true) throw new Error(`this machine has no ${total >> 20} MB of object code`)
    current.push(value)
    size += value.length
  }
  // A rebuild takes members of other code from the end of the pool: nothing of them has been stored before.
  const made = [Buffer.concat(current)]
  for (let version = 1; version < 6; version++) {
    for (let change = 0; change < current.length * 0.05; change++) {
      const fresh = pool.next().value
      if (fresh === undefined) throw new Error('the pool is empty')
      current[Math.floor(random() * current.length)] = fresh
    }
    made.push(Buffer.concat(current))
  }
  return made
}

interface Choice {
  readonly min: number
  readonly average: number
  readonly max: number
  readonly block: number
  readonly level: number
}

function storedOf(contents: readonly Buffer[], choice: Choice): { perVersion: number[]; chunks: number; seconds: number } {
  const sizes = { min: choice.min << 10, average: choice.average << 10, max: choice.max << 10 }
  const cutter = wasmCutter(sizes, Math.max(...contents.map(({ length }) => length)))
  const known = new Set<string>()
  let chunks = 0
  const started = process.cpuUsage()
  const perVersion = contents.map((content) => {
    cutter.bytes.set(content)
    let stored = 0
    let block: Uint8Array[] = []
    let blockSize = 0
    const flush = () => {
      stored += compressed(Buffer.concat(block), choice.level) + 13
      block = []
      blockSize = 0
    }
    for (let at = 0; at < content.length;) {
      const end = cutter.cut(at, content.length)
      const chunk = cutter.bytes.subarray(at, end)
      at = end
      const id = hash('sha256', chunk, 'base64')
      if (known.has(id)) continue
      known.add(id)
      chunks++
      stored += 37
      block.push(chunk)
      blockSize += chunk.length
      if (blockSize >= choice.block << 10) flush()
    }
    if (blockSize > 0) flush()
    return stored
  })
  const used = process.cpuUsage(started)
  return { perVersion, chunks, seconds: (used.user + used.system) / 1e6 }
}

function compressed(bytes: Uint8Array, level: number): number {
  const params = { [constants.ZSTD_c_compressionLevel]: level }
  return Math.min(bytes.length, zstdCompressSync(bytes, { params, chunkSize: bytes.length + (bytes.length >> 8) + 512 }).length)
}

const contents = versions()
const plain = contents[0]!.length
const changed = Math.round(plain * 0.05)
console.log(
  `${contents.length} versions of ${(plain / 1e6).toFixed(0)} MB, members of ${meanMember >> 10} KiB on average, ${(changed / 1e6).toFixed(0)} MB new in each`,
)
console.log(
  '| min/avg/max KiB | block KiB | zstd | first, MB | each later, MB | six, MB | of 4,813 MB | chunks per GB | CPU-s |\n|---|---|---|---|---|---|---|---|---|',
)
const shapes = [
  [2, 8, 32],
  [4, 16, 64],
  [4, 16, 128],
  [8, 32, 128],
  [8, 32, 256],
  [16, 64, 256],
  [32, 128, 512],
] as const
const choices: Choice[] = shapes.map(([min, average, max]) => ({ min, average, max, block: 512, level: 1 }))
for (const block of [128, 256, 1024]) choices.push({ min: 4, average: 16, max: 64, block, level: 1 })
choices.push({ min: 4, average: 16, max: 64, block: 512, level: 3 })
for (const choice of choices) {
  const { perVersion, chunks, seconds } = storedOf(contents, choice)
  const sum = perVersion.reduce((a, b) => a + b, 0)
  const later = (sum - perVersion[0]!) / (contents.length - 1)
  const scaled = (sum / (plain * 6)) * 4813
  const cells = [
    `${choice.min}/${choice.average}/${choice.max}`,
    choice.block,
    choice.level,
    ...[perVersion[0]!, later, sum].map((bytes) => (bytes / 1e6).toFixed(1)),
    scaled.toFixed(0),
    Math.round(chunks / (plain / 1e9 + (5 * changed) / 1e9)),
    seconds.toFixed(1),
  ]
  console.log(`| ${cells.join(' | ')} |`)
}
