import { createHash } from 'node:crypto'
import {
  chmodSync,
  closeSync,
  ftruncateSync,
  linkSync,
  lstatSync,
  mkdirSync,
  openSync,
  readdirSync,
  readFileSync,
  readlinkSync,
  renameSync,
  rmSync,
  symlinkSync,
  writeFileSync,
  writeSync,
} from 'node:fs'
import { realSys } from '../../src/kit/sys/index.ts'
import { randomName } from './tree-entries.ts'

type Bytes = Buffer

const slash = Buffer.from('/')
const join = (directory: Bytes, name: string): Bytes => Buffer.concat([directory, slash, Buffer.from(name, 'latin1')])

/** Fills a directory with a random tree: odd names, modes, times, links, holes, hard links, pipes, extended attributes. */
export function makeRandomTree(root: string, random: () => number, entries = 40): void {
  const directories: Bytes[] = [Buffer.from(root)]
  const files: Bytes[] = []
  for (let count = 0; count < entries; count++) {
    const directory = pick(directories, random)
    const path = join(directory, randomName(random).slice(0, 60))
    if (lstatSync(path, { throwIfNoEntry: false }) !== undefined) continue
    const roll = random()
    if (roll < 0.2) {
      mkdirSync(path)
      directories.push(path)
    } else if (roll < 0.3) symlinkSync(Buffer.from(randomName(random), 'latin1'), path)
    else if (roll < 0.38 && files.length > 0) linkSync(pick(files, random), path)
    else if (roll < 0.42) realSys.makeSpecial(path, 'fifo', 0o644)
    else {
      writeRandomFile(path, random)
      files.push(path)
    }
    decorate(path, random)
  }
  // Last, since what is made in a directory changes its time.
  for (const directory of directories.toReversed()) decorate(directory, random)
}

/** Changes about a fifth of the entries in every way that there is. */
export function mutateTree(root: string, random: () => number): void {
  for (const path of pathsBelow(Buffer.from(root))) {
    if (random() > 0.25) continue
    const stats = lstatSync(path, { throwIfNoEntry: false })
    if (stats === undefined) continue
    const roll = random()
    if (roll < 0.2) rmSync(path, { recursive: true })
    else if (roll < 0.4 && stats.isFile()) patch(path, random, stats.size)
    else if (roll < 0.5 && !stats.isDirectory()) {
      rmSync(path)
      makeOther(path, random)
    } else if (roll < 0.6) renameSync(path, Buffer.concat([path, Buffer.from(`-${Math.floor(random() * 1e6)}`)]))
    else if (roll < 0.7 && stats.isDirectory()) writeRandomFile(join(path, `extra-${Math.floor(random() * 1e6)}`), random)
    else if (roll < 0.75 && stats.isDirectory()) {
      rmSync(path, { recursive: true })
      symlinkSync('/', path)
    } else decorate(path, random)
  }
}

function makeOther(path: Bytes, random: () => number): void {
  const roll = random()
  if (roll < 0.3) symlinkSync('/etc', path)
  else if (roll < 0.6) {
    mkdirSync(path)
    writeRandomFile(join(path, 'inside'), random)
  } else writeRandomFile(path, random)
}

function patch(path: Bytes, random: () => number, size: number): void {
  const fd = openSync(path, 'r+')
  writeSync(fd, Buffer.from(randomName(random)), 0, undefined, Math.floor(random() * size))
  if (random() < 0.3) ftruncateSync(fd, Math.floor(random() * size * 1.5))
  closeSync(fd)
}

function writeRandomFile(path: Bytes, random: () => number): void {
  const roll = random()
  const size = roll < 0.2 ? 0 : roll < 0.7 ? Math.floor(random() * 3000) : Math.floor(random() * 400_000)
  if (random() < 0.15 && size > 0) {
    const fd = openSync(path, 'w')
    ftruncateSync(fd, size + 300_000)
    writeSync(fd, randomBytes(random, Math.min(size, 5000)), 0, undefined, 65_536 * Math.floor(random() * 4))
    closeSync(fd)
  } else writeFileSync(path, randomBytes(random, size))
}

function randomBytes(random: () => number, size: number): Buffer {
  const bytes = Buffer.alloc(size)
  const isText = random() < 0.5
  for (let at = 0; at < size; at++) bytes[at] = isText ? 97 + Math.floor(random() * 8) : Math.floor(random() * 256)
  return bytes
}

function decorate(path: Bytes, random: () => number): void {
  const isLink = lstatSync(path).isSymbolicLink()
  if (!isLink && lstatSync(path).isFile() && random() < 0.15)
    realSys.writeXattr(path, `user.${Math.floor(random() * 5)}`, Buffer.from(randomName(random), 'latin1'))
  if (!isLink && random() < 0.5) chmodSync(path, (Math.floor(random() * 0o10000) & 0o7777) | (lstatSync(path).isDirectory() ? 0o700 : 0))
  const modifiedNs = BigInt(Math.floor((random() - 0.1) * 2e9)) * 1_000_000_000n + BigInt(Math.floor(random() * 1e9))
  if (random() < 0.8) realSys.setTimes(path, { modifiedNs })
}

function pick<T>(all: readonly T[], random: () => number): T {
  return all[Math.floor(random() * all.length)]!
}

function pathsBelow(directory: Bytes): Bytes[] {
  return readdirSync(directory, { encoding: 'latin1' })
    .toSorted()
    .flatMap((name) => {
      const path = join(directory, name)
      return lstatSync(path).isDirectory() ? [path, ...pathsBelow(path)] : [path]
    })
}

/** Everything that can be seen of a tree, a line for each entry: equal lists mean equal trees. */
export function describeTree(root: string, { withRoot = true } = {}): string[] {
  const names = new Map<string, string>()
  const all = [...(withRoot ? [Buffer.from(root)] : []), ...pathsBelow(Buffer.from(root))]
  return all.map((path) => {
    const below = path.toString('latin1').slice(root.length)
    const stats = lstatSync(path, { bigint: true })
    const key = `${stats.dev}:${stats.ino}`
    const first = names.get(key) ?? below
    names.set(key, first)
    const xattrs = realSys.listXattrs(path).map((name) => `${name.toString('latin1')}=${realSys.readXattr(path, name)?.toString('hex')}`)
    const facts = [
      JSON.stringify(below),
      (Number(stats.mode) & (stats.isSymbolicLink() ? 0o170000 : 0o177777)).toString(8),
      `${stats.uid}:${stats.gid}`,
      stats.mtimeNs,
      xattrs.join(','),
    ]
    if (stats.isSymbolicLink()) facts.push(readlinkSync(path, { encoding: 'latin1' }))
    if (stats.isFile())
      facts.push(`${stats.size} ${createHash('sha256').update(readFileSync(path)).digest('hex').slice(0, 16)} as ${JSON.stringify(first)}`)
    return facts.join(' ')
  })
}

/** The holes of a file's tree: paths of files that take less room than they have bytes. */
export function sparseFiles(root: string): string[] {
  return pathsBelow(Buffer.from(root)).flatMap((path) => {
    const stats = lstatSync(path)
    return stats.isFile() && stats.blocks * 512 + 4096 <= stats.size ? [path.toString('latin1').slice(root.length)] : []
  })
}
