/**
 * A test environment as integration suites leave it: node directories with page-structured databases, logs, wallets and
 * certificates; and what one suite does to it. Everything follows from the seed.
 */
import { closeSync, ftruncateSync, mkdirSync, openSync, readdirSync, rmSync, statSync, writeFileSync, writeSync } from 'node:fs'
import path from 'node:path'
import { seededRandom } from '../../test/fakes/seeded-random.ts'

export interface EnvironmentShape {
  readonly nodes: number
  /** Bytes of all databases of one node. */
  readonly databaseBytes: number
  readonly filesPerNode: number
  readonly seed: number
}

/** The seed's own case: 7 nodes, about 3 GB, about 4,000 files. */
export const standardShape: EnvironmentShape = { nodes: 7, databaseBytes: 400 << 20, filesPerNode: 570, seed: 7 }

const pageSize = 8192

export function makeEnvironment(root: string, shape: EnvironmentShape): void {
  const random = seededRandom(shape.seed)
  const pages = pageSource(random)
  for (let node = 0; node < shape.nodes; node++) {
    const folder = path.join(root, `node-${node}`)
    makeDatabases(path.join(folder, 'data'), shape.databaseBytes, pages)
    makeSmallFiles(folder, shape.filesPerNode - 8, random, pages)
  }
}

export interface Suite {
  readonly changedPages: number
  readonly changedBytes: number
  readonly added: number
  readonly removed: number
}

/** What one suite leaves: `share` of the database pages rewritten in runs, 200 files added, 50 deleted, logs appended. */
export function runSuite(root: string, shape: EnvironmentShape, share: number, seed: number): Suite {
  const random = seededRandom(seed)
  const pages = pageSource(random)
  const suite = { changedPages: 0, changedBytes: 0, added: 0, removed: 0 }
  for (const node of readdirSync(root)) {
    const folder = path.join(root, node)
    for (const name of readdirSync(path.join(folder, 'data'))) {
      const count = rewritePages(path.join(folder, 'data', name), share, random, pages)
      suite.changedPages += count
      suite.changedBytes += count * pageSize
    }
    appendTo(path.join(folder, 'logs', 'node.log'), textOf(random, 200_000))
    suite.changedBytes += 200_000
    for (let at = 0; at < 200 / shape.nodes; at++) {
      writeFileSync(path.join(folder, 'wallets', `new-${seed}-${at}.json`), textOf(random, 2000))
      suite.added++
    }
    const wallets = readdirSync(path.join(folder, 'wallets')).filter((name) => name.startsWith('wallet-'))
    for (let at = 0; at < 50 / shape.nodes && at < wallets.length; at++) {
      rmSync(path.join(folder, 'wallets', wallets[Math.floor(random() * wallets.length)]!), { force: true })
      suite.removed++
    }
  }
  return suite
}

/** Many small files in folders of 500: configurations and records of 1 to 8 KB. */
export function makeSmallTree(root: string, files: number, seed: number): void {
  const random = seededRandom(seed)
  for (let at = 0; at < files; at++) {
    const folder = path.join(root, `${Math.floor(at / 50_000)}`, `${Math.floor(at / 500)}`)
    if (at % 500 === 0) mkdirSync(folder, { recursive: true })
    writeFileSync(path.join(folder, `record-${at}.json`), textOf(random, 1000 + Math.floor(random() * 7000)))
  }
}

function makeDatabases(folder: string, bytes: number, pages: () => Buffer): void {
  mkdirSync(folder, { recursive: true })
  const sizes = [0.6, 0.2, 0.1, 0.05, 0.03, 0.02]
  sizes.forEach((part, at) => {
    const file = openSync(path.join(folder, `table-${at}.db`), 'w')
    const count = Math.floor((bytes * part) / pageSize)
    const batch: Buffer[] = []
    for (let page = 0; page < count; page++) {
      batch.push(pages())
      if (batch.length === 128 || page === count - 1) writeSync(file, Buffer.concat(batch.splice(0)))
    }
    closeSync(file)
  })
}

function makeSmallFiles(folder: string, count: number, random: () => number, pages: () => Buffer): void {
  for (const name of ['logs', 'wallets', 'certs', 'config']) mkdirSync(path.join(folder, name), { recursive: true })
  writeFileSync(path.join(folder, 'logs', 'node.log'), textOf(random, 4_000_000))
  writeFileSync(path.join(folder, 'logs', 'node.old.log'), textOf(random, 2_000_000))
  for (let at = 0; at < count; at++) {
    const kind = at % 10
    if (kind < 6) writeFileSync(path.join(folder, 'wallets', `wallet-${at}.json`), textOf(random, 500 + Math.floor(random() * 6000)))
    else if (kind < 8) writeFileSync(path.join(folder, 'config', `part-${at}.toml`), textOf(random, 300 + Math.floor(random() * 3000)))
    else if (kind < 9)
      writeFileSync(path.join(folder, 'certs', `peer-${at}.pem`), Buffer.from(pages().subarray(0, 1500).toString('base64')))
    else
      writeFileSync(
        path.join(folder, 'data', `blob-${at}.bin`),
        Buffer.concat(Array.from({ length: 4 + Math.floor(random() * 20) }, pages)),
      )
  }
}

function rewritePages(file: string, share: number, random: () => number, pages: () => Buffer): number {
  const count = Math.floor(statSync(file).size / pageSize)
  const handle = openSync(file, 'r+')
  let changed = 0
  while (changed < count * share) {
    // Databases write in runs: a few neighbouring pages at a time.
    const run = 1 + Math.floor(random() * 16)
    const start = Math.floor(random() * Math.max(1, count - run))
    for (let page = start; page < Math.min(start + run, count); page++, changed++) writeSync(handle, pages(), 0, pageSize, page * pageSize)
  }
  ftruncateSync(handle, count * pageSize)
  closeSync(handle)
  return changed
}

function appendTo(file: string, text: Buffer): void {
  writeFileSync(file, text, { flag: 'a' })
}

/** Pages that compress about 3:2 and never repeat: records of text and of random bytes, each with a key of its own. */
function pageSource(random: () => number): () => Buffer {
  const pool = Buffer.alloc(8 << 20)
  const text = textOf(random, 4 << 20)
  for (let at = 0; at < pool.length;) {
    const length = 64 + Math.floor(random() * 192)
    if (random() < 0.8) {
      const from = Math.floor(random() * (text.length - length))
      text.copy(pool, at, from, from + length)
    } else
      for (let byte = 0; byte < length && at + byte < pool.length; byte += 4)
        pool.writeUInt32LE(Math.floor(random() * 2 ** 32), Math.min(at + byte, pool.length - 4))
    at += length
  }
  return () => {
    const page = Buffer.alloc(pageSize)
    for (let at = 0; at < pageSize; at += 512) {
      const from = Math.floor(random() * (pool.length - 512))
      pool.copy(page, at, from, from + 512)
      for (let byte = 0; byte < 32; byte += 4) page.writeUInt32LE(Math.floor(random() * 2 ** 32), at + byte)
    }
    return page
  }
}

const words =
  'node round block commit peer wallet balance stake epoch proof header merkle vote quorum state sync fast slow retry timeout info warn debug error accepted rejected pending'.split(
    ' ',
  )

function textOf(random: () => number, bytes: number): Buffer {
  const lines: string[] = []
  for (let length = 0; length < bytes;) {
    const line = `${Math.floor(random() * 2 ** 32)} ${words[Math.floor(random() * words.length)]} ${words[Math.floor(random() * words.length)]}=${Math.floor(random() * 1e9).toString(36)} ${words[Math.floor(random() * words.length)]}\n`
    lines.push(line)
    length += line.length
  }
  return Buffer.from(lines.join('').slice(0, bytes))
}
