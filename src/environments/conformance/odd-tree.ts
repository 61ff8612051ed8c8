import {
  appendFileSync,
  chmodSync,
  chownSync,
  closeSync,
  ftruncateSync,
  linkSync,
  lstatSync,
  lutimesSync,
  mkdirSync,
  openSync,
  readdirSync,
  renameSync,
  rmSync,
  symlinkSync,
  truncateSync,
  unlinkSync,
  utimesSync,
  writeFileSync,
  writeSync,
} from 'node:fs'
import path from 'node:path'
import { isFault, shownName, makeDirectoriesSync } from '../../kit/index.ts'
import { realSys } from '../../kit/sys/index.ts'
import { digestFile } from '../digest.ts'
import { pathBytes, walkEntries } from '../entries.ts'
import type { Mode } from '../mode.ts'
import { ensure } from './case.ts'

const odd = Buffer.from([0x6f, 0x64, 0x64, 0xff, 0x20, 0x0a, 0x2a])
const largeBytes = (4 << 20) + 12_345
const sparseBytes = 6 << 20

/** Fills a directory with what environments have and what tools forget: databases, links, holes, pipes, odd names, modes, owners, attributes, times. */
export function fillOddTree(root: string, random: () => number): void {
  const at = (...names: string[]) => path.join(root, ...names)
  makeDirectoriesSync(at('node-1/db/deep/er'))
  mkdirSync(at('node-2'))
  mkdirSync(at('empty'))
  writeFileSync(at('node-1/db/large'), bytes(largeBytes, random))
  writeFileSync(at('node-1/db/deep/er/small'), 'small')
  writeFileSync(at('node-1/log'), 'first line\n')
  writeFileSync(at('node-1/none'), '')
  writeFileSync(at('node-2/tool'), '#!/bin/sh\n')
  chmodSync(at('node-2/tool'), 0o4755)
  writeFileSync(at('node-2/secret'), 'secret', { mode: 0o600 })
  linkSync(at('node-2/secret'), at('node-2/secret-too'))
  linkSync(at('node-2/secret'), at('node-1/secret-three'))
  symlinkSync('db/large', at('node-1/to-large'))
  symlinkSync('/nowhere/at all', at('dangling'))
  writeFileSync(Buffer.concat([Buffer.from(at('')), Buffer.from('/'), odd]), 'odd')
  makeSparse(at('node-2/sparse'))
  realSys.makeSpecial(at('node-2/pipe'), 'fifo', 0o640)
  for (let count = 0; count < 60; count++) writeFileSync(at('node-2', `f${count}`), bytes(Math.floor(random() * 9000), random))
  mark(at('node-1/log'), 'user.note', 'kept')
  mark(at('node-2'), 'user.dir', 'kept too')
  if (realSys.whyMissing() === undefined && lstatSync(root).uid === 0) chown(at('node-1/log'))
  chmodSync(at('empty'), 0o1777)
  for (const name of ['node-1/log', 'node-2/f1', 'dangling', 'node-2', 'empty']) {
    realSys.setTimes(at(name), { modifiedNs: 1_600_000_000_123_456_789n + BigInt(Math.floor(random() * 1e9)) })
  }
}

/** Where files cannot have attributes, there are none to keep. */
function mark(file: string, name: string, value: string): void {
  try {
    realSys.writeXattr(file, name, Buffer.from(value))
  } catch (error) {
    if (!isFault(error, 'unsupported')) throw error
  }
}

function chown(file: string): void {
  chownSync(file, 12_345, 54_321)
}

function makeSparse(file: string): void {
  const fd = openSync(file, 'w')
  ftruncateSync(fd, sparseBytes)
  writeSync(fd, 'in the middle', sparseBytes / 2)
  closeSync(fd)
}

/** Whether the holes of the sparse file are still holes. */
export function hasHoles(root: string): boolean {
  return lstatSync(path.join(root, 'node-2/sparse')).blocks * 512 < sparseBytes / 2
}

/** What a suite does, and what it should not: writes inside, appends, truncates, adds, removes, renames, swaps kinds, changes attributes, and puts times back. */
export function changeTree(root: string, random: () => number): void {
  const at = (...names: string[]) => path.join(root, ...names)
  const large = lstatSync(at('node-1/db/large'))
  const fd = openSync(at('node-1/db/large'), 'r+')
  writeSync(fd, bytes(5000, random), 0, 5000, Math.floor(random() * (largeBytes - 5000)))
  closeSync(fd)
  utimesSync(at('node-1/db/large'), large.atime, large.mtime)
  appendFileSync(at('node-1/log'), 'another line\n')
  truncateSync(at('node-2/f2'), 0)
  for (let count = 10; count < 20; count++) rmSync(at('node-2', `f${count}`))
  makeDirectoriesSync(at('new/inside'))
  for (let count = 0; count < 20; count++) writeFileSync(at('new', `n${count}`), bytes(2000, random))
  renameSync(at('node-2/f20'), at('node-1/f20'))
  rmSync(at('node-1/db/deep'), { recursive: true })
  writeFileSync(at('node-1/db/deep'), 'a file now')
  unlinkSync(at('node-2/f21'))
  mkdirSync(at('node-2/f21'))
  unlinkSync(at('node-1/to-large'))
  symlinkSync('/etc', at('node-1/to-large'))
  chmodSync(at('node-2/secret'), 0o644)
  unlinkSync(at('node-2/secret-too'))
  writeFileSync(at('node-2/secret-too'), 'apart')
  unlinkSync(at('node-2/pipe'))
  mark(at('node-1/log'), 'user.note', 'changed')
  lutimesSync(at('dangling'), 1, 1)
  chmodSync(at('empty'), 0o700)
}

/** Removes everything below it. */
export function emptyTree(root: string): void {
  for (const name of readdirSync(root, { encoding: 'buffer' })) rmSync(Buffer.concat([Buffer.from(`${root}/`), name]), { recursive: true })
}

/** Everything that can be seen of a tree, times as the mode can keep them, a line for each entry: equal lists mean equal trees. */
export async function describeTree(root: string, { timesInSeconds = false }: Pick<Mode, 'timesInSeconds'>): Promise<string[]> {
  const lines: string[] = []
  for await (const { path: name, kind, mode, uid, gid, size, mtimeNs, target, linkOf, xattrs } of walkEntries(root)) {
    const digest = kind === 'file' ? await digestFile(pathBytes(Buffer.from(root).toString('latin1'), name)) : ''
    const facts = [
      JSON.stringify(shownName(name)),
      kind,
      mode.toString(8),
      `${uid}:${gid}`,
      size,
      timesInSeconds ? mtimeNs / 1_000_000_000n : mtimeNs,
      target ?? '',
      linkOf ?? '',
      xattrs.join(','),
      digest,
    ]
    lines.push(facts.join(' '))
  }
  return lines.sort()
}

/** Throws with the first lines that differ. */
export async function ensureTree(
  root: string,
  expected: readonly string[],
  mode: Pick<Mode, 'timesInSeconds'>,
  what: string,
): Promise<void> {
  const lines = await describeTree(root, mode)
  const missing = expected.filter((line) => !lines.includes(line))
  const foreign = lines.filter((line) => !expected.includes(line))
  const shown = [...missing.slice(0, 3).map((line) => `- ${line}`), ...foreign.slice(0, 3).map((line) => `+ ${line}`)]
  ensure(missing.length + foreign.length === 0, `${what}: ${missing.length} entries are not as expected\n${shown.join('\n')}`)
}

function bytes(length: number, random: () => number): Buffer {
  const made = Buffer.allocUnsafe(length)
  let state = Math.floor(random() * 2 ** 32) | 1
  for (let at = 0; at < length; at++) {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) | 0
    made[at] = state >>> 24
  }
  return made
}
