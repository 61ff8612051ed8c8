import assert from 'node:assert/strict'
import {
  appendFileSync,
  existsSync,
  lstatSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  statSync,
  utimesSync,
  writeFileSync,
} from 'node:fs'
import path from 'node:path'
import { gunzipSync } from 'node:zlib'
import { type Clock, type Digest, digestOf, systemClock } from '../../src/kit/index.ts'
import { type Generated, ManifestGenerator, type ManifestGeneratorOptions, type ManifestType } from '../../src/runs/index.ts'
import {
  decodeActivePage,
  decodePackTable,
  decodeProjectPage,
  decodeRunPage,
  decodeShard,
  decodeTable,
} from '../../src/runs/format/decode-page.ts'
import { maxPackedFile } from '../../src/runs/format/limits.ts'
import { createLogReader, type LogRecord, openPage } from '../../src/runs/format/log.ts'
import { decodeIndex, openBlock, type PackEntry } from '../../src/runs/format/pack.ts'
import type { PackRow, RunPage } from '../../src/runs/format/page.ts'
import { cacheFile, runFolder } from '../../src/runs/format/place.ts'
import { parseRoot, type Root } from '../../src/runs/format/root.ts'
import { loadMemory, saveMemory } from '../../src/runs/generate/cache.ts'
import { howLeft } from '../../src/runs/generate/prove.ts'

/** A folder of runs with a generator, whose clock is ahead by so much that every file has settled. */
export interface GeneratorDesk {
  readonly root: string
  /** Milliseconds. */
  ahead: number
  readonly clock: Clock
  /** Paths are relative to the root. */
  write(file: string, content: string | Uint8Array): void
  append(file: string, content: string | Uint8Array): void
  /** Sets a time of writing, in seconds since 1970. */
  age(file: string, seconds: number): void
  generate(options?: Partial<ManifestGeneratorOptions> & { type?: ManifestType; outputPath?: string }): Promise<Generated>
  /** Everything that clients can read, checked. */
  published(): Published
  /** A manifest 1.0, and that its compressed form is the same. */
  manifest(type: ManifestType): Record<string, unknown>
}

export function generatorDesk(scratch: string): GeneratorDesk {
  const root = mkdtempSync(path.join(scratch, 'runs-'))
  const desk: GeneratorDesk = {
    root,
    ahead: 100_000,
    clock: { now: () => systemClock.now() + desk.ahead, sleep: systemClock.sleep },
    write(file, content) {
      mkdirSync(path.dirname(path.join(root, file)), { recursive: true })
      writeFileSync(path.join(root, file), content)
    },
    append: (file, content) => appendFileSync(path.join(root, file), content),
    age: (file, seconds) => utimesSync(path.join(root, file), seconds, seconds),
    async generate({ type, outputPath, ...options } = {}) {
      const generator = new ManifestGenerator({ remoteRoot: root, clock: desk.clock, ...options })
      return await generator.generate({ manifestType: type, outputPath })
    },
    published: () => readPublished(path.join(root, '.runicorn')),
    manifest(type) {
      const file = path.join(root, '.runicorn', `${type}_manifest.json`)
      const text = readFileSync(file, 'utf8')
      assert.equal(gunzipSync(readFileSync(`${file}.gz`)).toString(), text)
      return JSON.parse(text) as Record<string, unknown>
    },
  }
  return desk
}

/** The folder of a run, as a test has it that needs but one. */
export const oneRun = 'vision/resnet/runs/20250101_120000_abc123'

/** Four files: two of metadata, a log, a picture. */
export function smallRun(desk: GeneratorDesk, folder = oneRun): void {
  desk.write(`${folder}/meta.json`, '{"created_at": 1704060000.25, "tags": ["baseline"]}')
  desk.write(`${folder}/status.json`, '{"status": "running"}')
  desk.write(`${folder}/events.jsonl`, '{"step":1}\n')
  desk.write(`${folder}/media/a.png`, Buffer.from([1, 2, 3]))
}

/** Flips a bit below the folder of pages. `silently`, as a disk does it: no time of the file tells. */
export function damage(desk: GeneratorDesk, file: string, how: 'silently' | 'by writing'): void {
  const folder = path.join(desk.root, '.runicorn')
  const bytes = readFileSync(path.join(folder, 'holdfast', file))
  bytes[10]! ^= 0x5a
  writeFileSync(path.join(folder, 'holdfast', file), bytes)
  if (how === 'by writing') return
  const cache = path.join(folder, cacheFile)
  const memory = loadMemory(cache)!
  const names = memory.facts.left.map(([name]) => name)
  saveMemory(cache, { ...memory, facts: { ...memory.facts, left: howLeft(folder, names) } })
}

export interface Published {
  readonly root: Root
  /** By their folders. */
  readonly runs: ReadonlyMap<string, RunPage>
  /** Folders of active runs. */
  readonly active: readonly string[]
  readonly packs: readonly PackRow[]
  /** The content with this digest as packs have it; undefined where they lack a piece. */
  unpack(digest: Digest): Buffer | undefined
}

/** Reads what a root reaches, and checks every digest and every agreement on the way. */
export function readPublished(folder: string): Published {
  const text = readFileSync(path.join(folder, 'holdfast/root.json'))
  assert.ok(text.byteLength < 1024)
  const root = parseRoot(text, 'root')
  const pages = readLog(path.join(folder, 'holdfast', root.log.name), root.log.length)
  const page = (digest: Digest, kind: LogRecord['kind']) => {
    const record = pages.get(`${kind} ${digest}`)
    assert.ok(record !== undefined, `the log has the ${kind} page ${digest}`)
    return openPage(record, 'log')
  }
  const runs = new Map<string, RunPage>()
  const totals = { runs: 0, files: 0, bytes: 0 }
  for (const project of decodeTable(page(root.full.digest, 'table'), 'table')) {
    const before = runs.size
    for (const shard of decodeProjectPage(page(project.page, 'project'), 'project')) {
      const rows = decodeShard(page(shard.shard, 'shard'), project.project, 'shard')
      assert.deepEqual([rows[0]!.runId, rows.at(-1)!.runId], [shard.firstRunId, shard.lastRunId])
      for (const row of rows) {
        const run = decodeRunPage(page(row.page, 'run'), 'run')
        assert.deepEqual(
          [run.project, run.name, run.runId, run.status, run.createdAt, run.updatedAt, run.files.length],
          [project.project, row.name, row.runId, row.status, row.createdAt, row.updatedAt, row.files],
        )
        assert.equal(
          row.bytes,
          run.files.reduce((sum, { size }) => sum + size, 0),
        )
        runs.set(runFolder(run), run)
        totals.runs++
        totals.files += row.files
        totals.bytes += row.bytes
      }
    }
    assert.equal(project.runs, runs.size - before)
  }
  assert.deepEqual(root.totals, totals)
  const active = decodeActivePage(page(root.active.digest, 'active'), 'active').map((row) => {
    assert.ok(pages.has(`run ${row.page}`))
    return runFolder(row)
  })
  const packs = decodePackTable(page(root.packs.digest, 'packs'), 'packs')
  const newest = packs.at(-1)
  assert.deepEqual(root.newest, newest && { name: newest.name, size: newest.size, index: [newest.indexOffset, newest.indexLength] })
  return { root, runs, active, packs, unpack: unpacker(folder, packs) }
}

function readLog(file: string, length: number): Map<string, LogRecord> {
  const reader = createLogReader(file)
  const records = reader.push(readFileSync(file).subarray(0, length))
  reader.end()
  assert.equal(reader.position, length)
  return new Map(records.map((record) => [`${record.kind} ${record.digest}`, record]))
}

function unpacker(folder: string, packs: readonly PackRow[]): Published['unpack'] {
  const pieces = new Map<Digest, { entry: PackEntry; bytes: Buffer }>()
  for (const { name, size, indexOffset, indexLength, firstRevision, lastRevision } of packs) {
    const pack = readFileSync(path.join(folder, 'holdfast/packs', name))
    assert.deepEqual([digestOf(pack), pack.byteLength], [`sha256:${name}`, size])
    const index = decodeIndex(pack.subarray(indexOffset, indexOffset + indexLength), indexOffset, name)
    const blocks = index.blocks.map((block) => openBlock(pack.subarray(block.offset, block.offset + block.stored), block, name))
    for (const entry of index.entries()) {
      assert.ok(entry.revision >= firstRevision && entry.revision <= lastRevision)
      pieces.set(entry.digest, { entry, bytes: Buffer.from(blocks[entry.block]!.subarray(entry.offset, entry.offset + entry.length)) })
    }
  }
  const unpack = (digest: Digest): Buffer | undefined => {
    const piece = pieces.get(digest)
    if (piece === undefined || piece.entry.from === 0) return piece?.bytes
    const before = piece.entry.base === undefined ? undefined : unpack(piece.entry.base)
    if (before === undefined) return undefined
    assert.equal(before.byteLength, piece.entry.from)
    return Buffer.concat([before, piece.bytes])
  }
  return (digest) => {
    const content = unpack(digest)
    if (content !== undefined) assert.equal(digestOf(content), digest)
    return content
  }
}

/** What a root reaches is what the folder has now, and packs have every small file. */
export function assertPublished(desk: GeneratorDesk, { packs = true } = {}): Published {
  const published = desk.published()
  assert.deepEqual([...published.runs.keys()].sort(), runFolders(desk.root).sort())
  for (const [folder, run] of published.runs) {
    const expected = regularFiles(path.join(desk.root, folder))
    assert.deepEqual(run.files.map((file) => file.path).sort(), [...expected.keys()].sort(), folder)
    for (const { path: name, size, digest, marks } of run.files) {
      const content = readFileSync(path.join(desk.root, folder, name))
      assert.deepEqual([size, digest], [content.byteLength, digestOf(content)], `${folder}/${name}`)
      for (const mark of marks) assert.equal(mark.digest, digestOf(content.subarray(0, mark.offset)), `${folder}/${name} at ${mark.offset}`)
      if (packs && size <= maxPackedFile) assert.deepEqual(published.unpack(digest), content, `packs have ${folder}/${name}`)
    }
  }
  return published
}

export function runFolders(root: string): string[] {
  const inside = (folder: string) =>
    existsSync(path.join(root, folder)) && lstatSync(path.join(root, folder)).isDirectory()
      ? readdirSync(path.join(root, folder), { withFileTypes: true }).flatMap((entry) =>
          entry.isDirectory() && !entry.name.startsWith('.') ? [path.join(folder, entry.name)] : [],
        )
      : []
  return inside('.')
    .flatMap(inside)
    .flatMap((name) => inside(path.join(name, 'runs')))
}

export function regularFiles(folder: string): Map<string, number> {
  const files = new Map<string, number>()
  for (const entry of readdirSync(folder, { recursive: true, withFileTypes: true })) {
    const file = path.join(entry.parentPath, entry.name)
    if (entry.isFile()) files.set(path.relative(folder, file), statSync(file).size)
  }
  return files
}
