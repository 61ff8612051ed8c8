import { appendFileSync, mkdirSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs'
import path from 'node:path'
import { type Digest, digestOf, hexOf } from '../../src/kit/index.ts'
import {
  encodeActivePage,
  encodePackTable,
  encodeProjectPage,
  encodeRunPage,
  encodeShard,
  encodeTable,
} from '../../src/runs/format/encode-page.ts'
import { encodeRecord, type PageKind } from '../../src/runs/format/log.ts'
import { compressBlock, encodeIndex, type PackBlock, type PackEntry } from '../../src/runs/format/pack.ts'
import type { Mark, PackRow, RunFile, RunPage } from '../../src/runs/format/page.ts'
import { encodeRoot, type Root } from '../../src/runs/format/root.ts'

/** A server's folder of runs with pages and packs, written by the test itself, so that it can also be one that lies. */
export interface RunServer {
  readonly root: string
  /** Bytes of a file, by its key `<project>/<name>/runs/<run id>/…`. */
  write(key: string, content: string | Uint8Array): void
  append(key: string, content: string | Uint8Array): void
  remove(key: string): void
  read(key: string): Buffer
  keys(): string[]
  /** Writes pages, one pack of what is new, and the root. */
  publish(lies?: Lies): Root
}

/** What a publication says that is not so. */
export interface Lies {
  readonly page?: (page: RunPage) => RunPage
  readonly root?: (root: Root) => Root
  /** Leaves the files out of packs. */
  readonly noPacks?: boolean
  /** Bytes that go into packs in place of the file's. */
  readonly packed?: (key: string, bytes: Uint8Array) => Uint8Array
  readonly active?: (key: string) => boolean
}

interface State {
  readonly content: Buffer
  readonly digest: Digest
}

const ownPart = '.runicorn/holdfast'
const biggestPacked = 256 << 10

export function runServer(root: string): RunServer {
  const files = new Map<string, Buffer>()
  /** What each file was in each publication that changed it. */
  const history = new Map<string, State[]>()
  const packs: PackRow[] = []
  const packedAlready = new Set<string>()
  const paged = new Set<Digest>()
  const logName = 'pages-0000000a'
  let logLength = 0
  let revision = 0
  const place = (key: string) => path.join(root, key)
  const put = (name: string, bytes: Uint8Array | string) => {
    mkdirSync(path.dirname(place(name)), { recursive: true })
    writeFileSync(`${place(name)}.new`, bytes)
    renameSync(`${place(name)}.new`, place(name))
  }
  const page = (kind: PageKind, plain: Uint8Array): Digest => {
    const digest = digestOf(plain)
    if (paged.has(digest)) return digest
    paged.add(digest)
    const record = encodeRecord(kind, plain)
    mkdirSync(place(ownPart), { recursive: true })
    appendFileSync(place(`${ownPart}/${logName}`), record)
    logLength += record.byteLength
    return digest
  }

  const publishPack = (lies: Lies) => {
    const entries: PackEntry[] = []
    const blocks: PackBlock[] = []
    const pieces: Uint8Array[] = []
    let size = 0
    for (const [key, states] of history) {
      const { content, digest } = states.at(-1)!
      const before = states.at(-2)
      const grew = before !== undefined && content.byteLength > before.content.byteLength && content.indexOf(before.content) === 0
      const from = grew ? before.content.byteLength : 0
      if (packedAlready.has(`${digest} ${from}`) || (from === 0 && content.byteLength > biggestPacked) || content.byteLength === from)
        continue
      packedAlready.add(`${digest} ${from}`)
      const plain = (lies.packed ?? ((_, bytes) => bytes))(key, content.subarray(from))
      const { method, bytes } = compressBlock(plain)
      blocks.push({ method, offset: size, stored: bytes.byteLength, plain: plain.byteLength })
      entries.push({
        revision,
        digest,
        from,
        base: grew ? before.digest : undefined,
        length: content.byteLength - from,
        block: blocks.length - 1,
        offset: 0,
      })
      pieces.push(bytes)
      size += bytes.byteLength
    }
    if (entries.length === 0) return
    const index = encodeIndex(blocks, entries)
    const bytes = Buffer.concat([...pieces, index])
    const name = hexOf(digestOf(bytes))
    put(`${ownPart}/packs/${name}`, bytes)
    packs.push({
      name,
      size: bytes.byteLength,
      indexOffset: size,
      indexLength: index.byteLength,
      firstRevision: revision,
      lastRevision: revision,
    })
  }

  const server: RunServer = {
    root,
    write(key, content) {
      files.set(key, Buffer.from(content))
      put(key, content)
    },
    append(key, content) {
      files.set(key, Buffer.concat([files.get(key) ?? Buffer.alloc(0), Buffer.from(content)]))
      mkdirSync(path.dirname(place(key)), { recursive: true })
      appendFileSync(place(key), content)
    },
    remove(key) {
      files.delete(key)
      history.delete(key)
      rmSync(place(key), { force: true })
    },
    read: (key) => readFileSync(place(key)),
    keys: () => [...files.keys()].toSorted(),
    publish(lies = {}) {
      revision++
      for (const [key, content] of files) {
        const digest = digestOf(content)
        const states = history.get(key) ?? []
        if (states.at(-1)?.digest !== digest) states.push({ content, digest })
        history.set(key, states)
      }
      if (lies.noPacks !== true) publishPack(lies)
      const projects = new Map<string, RunPage[]>()
      for (const [folder, keys] of groupBy([...files.keys()], (key) => key.split('/').slice(0, 4).join('/'))) {
        const [project = '', name = '', , runId = ''] = folder.split('/')
        const list = keys.toSorted().map((key) => fileOf(key.slice(folder.length + 1), history.get(key)!))
        const status = statusOf(files.get(`${folder}/status.json`))
        const run: RunPage = { project, name, runId, status, createdAt: 1, updatedAt: 2, tags: null, files: list, unreadable: [] }
        projects.set(project, [...(projects.get(project) ?? []), (lies.page ?? ((same) => same))(run)])
      }
      const active: { project: string; name: string; runId: string; page: Digest }[] = []
      const table = [...projects]
        .toSorted(([a], [b]) => (a < b ? -1 : 1))
        .map(([project, runs]) => {
          const rows = runs
            .toSorted((a, b) => (a.runId < b.runId ? -1 : 1))
            .map((run) => {
              const digest = page('run', encodeRunPage(run))
              const isActive = lies.active?.(`${run.project}/${run.name}/runs/${run.runId}`) ?? true
              if (isActive) active.push({ project: run.project, name: run.name, runId: run.runId, page: digest })
              return { ...run, page: digest, files: run.files.length, bytes: run.files.reduce((sum, { size }) => sum + size, 0) }
            })
          const shards: { shard: Digest; firstRunId: string; lastRunId: string }[] = []
          for (let at = 0; at < rows.length; at += 64) {
            const some = rows.slice(at, at + 64)
            shards.push({ shard: page('shard', encodeShard(some)), firstRunId: some[0]!.runId, lastRunId: some.at(-1)!.runId })
          }
          return { project, page: page('project', encodeProjectPage(shards)), runs: runs.length, files: 0, bytes: 0 }
        })
      const full = page('table', encodeTable(table))
      const activeDigest = page('active', encodeActivePage(active))
      const packTable = page('packs', encodePackTable(packs))
      const newest = packs.at(-1)
      const made: Root = {
        revision,
        generated: 1_700_000_000_000 + revision,
        log: { name: logName, length: logLength },
        full: { counter: revision, digest: full },
        active: { counter: revision, digest: activeDigest, window: 3600 },
        packs: { digest: packTable },
        newest: newest && { name: newest.name, size: newest.size, index: [newest.indexOffset, newest.indexLength] },
        totals: { runs: 0, files: 0, bytes: 0 },
      }
      const told = (lies.root ?? ((same) => same))(made)
      put(`${ownPart}/root.json`, encodeRoot(told))
      return told
    },
  }
  return server
}

function fileOf(name: string, states: readonly State[]): RunFile {
  const { content, digest } = states.at(-1)!
  const marks: Mark[] = states
    .slice(0, -1)
    .filter(
      (state) => state.content.byteLength < content.byteLength && content.indexOf(state.content) === 0 && state.content.byteLength > 0,
    )
    .map((state) => ({ offset: state.content.byteLength, digest: state.digest }))
  return { path: name, size: content.byteLength, mtime: 1_700_000_000_000, digest, priority: 0, marks: marks.slice(-8) }
}

function statusOf(content: Buffer | undefined): string {
  return content === undefined ? 'unknown' : (JSON.parse(content.toString('utf8')) as { status: string }).status
}

function groupBy<T>(items: readonly T[], keyOf: (item: T) => string): Map<string, T[]> {
  const groups = new Map<string, T[]>()
  for (const item of items) groups.set(keyOf(item), [...(groups.get(keyOf(item)) ?? []), item])
  return groups
}
