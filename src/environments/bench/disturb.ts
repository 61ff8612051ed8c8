import { closeSync, fsyncSync, mkdtempSync, openSync, rmSync, writeFileSync, writeSync } from 'node:fs'
import path from 'node:path'
import { type ByteText, byteText } from '../../kit/index.ts'
import { pathBytes, walkEntries } from '../entries.ts'

/** What one suite does to an environment, as far as it can be played: the same for every mode. */
export interface Disturbed {
  readonly written: number
  readonly added: number
  readonly removed: number
}

const page = 8192
const largeFile = 1 << 20
/** Of the pages of large files. */
const share = 0.02
const added = 200
const removed = 50

/**
 * Writes into a tree as a suite of integration tests does: 2 % of the pages of large files anew in short runs, one small file of
 * twenty appended to, 200 files added and 50 removed. Ends when the large files are on the disk.
 */
export async function disturbTree(root: string, random: () => number, signal?: AbortSignal): Promise<Disturbed> {
  const large: { path: ByteText; size: number }[] = []
  const small: ByteText[] = []
  for await (const { kind, path: below, size } of walkEntries(root, signal)) {
    if (kind !== 'file') continue
    if (size >= largeFile) large.push({ path: below, size })
    else small.push(below)
  }
  let written = 0
  const at = (below: ByteText) => pathBytes(byteText(root), below)
  for (const file of large) written += rewritePages(at(file.path), file.size, random)
  for (const file of small) if (random() < 0.05) written += append(at(file), random)
  const gone = small.filter((_, index) => index % Math.max(1, Math.floor(small.length / removed)) === 0).slice(0, removed)
  for (const file of gone) rmSync(at(file), { force: true })
  const folder = mkdtempSync(path.join(root, 'bench-'))
  for (let index = 0; index < added; index++) writeFileSync(path.join(folder, `new-${index}`), noise(2048, random))
  return { written: written + added * 2048, added, removed: gone.length }
}

/** Databases write a few neighbouring pages at a time. */
function rewritePages(file: Buffer, size: number, random: () => number): number {
  const pages = Math.floor(size / page)
  const handle = openSync(file, 'r+')
  try {
    let written = 0
    while (written < pages * share) {
      const run = 1 + Math.floor(random() * 16)
      const start = Math.floor(random() * Math.max(1, pages - run))
      writeSync(handle, noise(run * page, random), 0, run * page, start * page)
      written += run
    }
    fsyncSync(handle)
    return written * page
  } finally {
    closeSync(handle)
  }
}

function append(file: Buffer, random: () => number): number {
  writeFileSync(file, noise(1024, random), { flag: 'a' })
  return 1024
}

function noise(bytes: number, random: () => number): Buffer {
  const buffer = Buffer.allocUnsafe(bytes)
  for (let at = 0; at + 4 <= bytes; at += 4) buffer.writeUInt32LE(Math.floor(random() * 2 ** 32), at)
  return buffer
}
