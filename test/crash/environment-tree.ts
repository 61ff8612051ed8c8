import {
  appendFileSync,
  chmodSync,
  chownSync,
  closeSync,
  existsSync,
  ftruncateSync,
  linkSync,
  lstatSync,
  mkdirSync,
  openSync,
  readdirSync,
  renameSync,
  rmSync,
  symlinkSync,
  writeFileSync,
  writeSync,
} from 'node:fs'
import path from 'node:path'
import { realSys } from '../../src/kit/sys/index.ts'

const nodes = ['node-1', 'node-2', 'node-3']
const databaseBytes = 400_000

/** A few nodes with a database, a log, small files, links, holes, a pipe, attributes. */
export function fillNodes(live: string, random: () => number): void {
  for (const node of nodes) {
    const at = (name: string) => path.join(live, node, name)
    mkdirSync(at('wallets/inner'), { recursive: true })
    writeFileSync(at('db'), bytes(random, databaseBytes))
    writeFileSync(at('log'), 'began\n')
    for (let count = 0; count < 10; count++) writeFileSync(at(`wallets/w${count}`), bytes(random, 2000))
    writeFileSync(at('wallets/inner/key'), 'key', { mode: 0o600 })
    linkSync(at('log'), at('wallets/log-too'))
    symlinkSync('../db', at('wallets/to-db'))
    realSys.makeSpecial(at('pipe'), 'fifo', 0o640)
    const sparse = openSync(at('sparse'), 'w')
    ftruncateSync(sparse, 1 << 20)
    writeSync(sparse, 'middle', 1 << 19)
    closeSync(sparse)
    realSys.writeXattr(at('db'), 'user.kind', Buffer.from('database'))
    chownSync(at('db'), 1234, 1234)
  }
}

/** What a suite leaves: blocks of databases, longer logs, and files that are new, gone, renamed, of another kind, mode or owner. It may be done again and again. */
export function dirtyNodes(live: string, random: () => number): void {
  for (const node of nodes) {
    const at = (name: string) => path.join(live, node, name)
    mkdirSync(at('wallets'), { recursive: true })
    if (existsSync(at('db'))) dirtyDatabase(at('db'), random)
    appendFileSync(at('log'), `line ${random()}\n`)
    const files = readdirSync(at('wallets')).filter((name) => lstatSync(at(`wallets/${name}`)).isFile())
    for (const name of files) {
      const [file, roll] = [at(`wallets/${name}`), random()]
      if (roll < 0.1) rmSync(file)
      else if (roll < 0.2) writeFileSync(file, bytes(random, 1000))
      else if (roll < 0.25) renameSync(file, at(`moved-${Math.floor(random() * 1e6)}`))
      else if (roll < 0.3) replaceBy(file, () => mkdirSync(file))
      else if (roll < 0.35) replaceBy(file, () => symlinkSync('/etc', file))
      else if (roll < 0.4) chmodSync(file, 0o4711)
      else if (roll < 0.45) chownSync(file, 77, 88)
    }
    for (let count = 0; count < 3; count++) writeFileSync(at(`wallets/new-${Math.floor(random() * 1e6)}`), bytes(random, 500))
    if (random() < 0.2) rmSync(at('wallets/inner'), { recursive: true, force: true })
  }
}

/** Half of the time nothing but the bytes, and the time at which something changed, tells of it. */
function dirtyDatabase(file: string, random: () => number): void {
  const { mtimeNs } = lstatSync(file, { bigint: true })
  const fd = openSync(file, 'r+')
  for (let count = 0; count < 3; count++) writeSync(fd, bytes(random, 100), 0, 100, Math.floor(random() * (databaseBytes - 100)))
  closeSync(fd)
  if (random() < 0.5) realSys.setTimes(file, { modifiedNs: mtimeNs })
}

function replaceBy(file: string, make: () => void): void {
  rmSync(file)
  make()
}

function bytes(random: () => number, length: number): Buffer {
  const block = Buffer.from(Array.from({ length: 512 }, () => Math.floor(random() * 256)))
  return Buffer.alloc(length, block)
}
