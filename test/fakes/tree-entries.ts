import type { Digest } from '../../src/kit/index.ts'
import { digestOf } from '../../src/kit/index.ts'
import type { Content, Entry, Part, Xattr } from '../../src/snapshots/tree/entry.ts'

/** Random entries of every kind, with odd names, for tests of nodes. */
export function randomEntries(random: () => number, count: number): Entry[] {
  const names = new Set<string>()
  while (names.size < count) names.add(randomName(random))
  return [...names].toSorted((a, b) => (a < b ? -1 : 1)).map((name) => randomEntry(random, name))
}

export function randomName(random: () => number): string {
  const length = random() < 0.05 ? 255 : 1 + Math.floor(random() * 12)
  let name = ''
  while (name.length < length) {
    const byte = random() < 0.8 ? 97 + Math.floor(random() * 26) : 1 + Math.floor(random() * 255)
    if (byte !== 47) name += String.fromCharCode(byte)
  }
  return name === '.' || name === '..' ? '...' : name
}

export function randomDigest(random: () => number): Digest {
  return digestOf(String(random()))
}

export function randomEntry(random: () => number, name: string): Entry {
  const facts = {
    name,
    mode: Math.floor(random() * 0o10000),
    uid: Math.floor(random() * 2 ** 32),
    gid: Math.floor(random() * 70_000),
    user: random() < 0.3 ? '' : random() < 0.5 ? 'ann' : 'jürgen',
    group: random() < 0.3 ? '' : 'staff',
    mtimeNs: BigInt(Math.floor((random() - 0.2) * 4e9)) * 1_000_000_000n + BigInt(Math.floor(random() * 1e9)),
    xattrs: random() < 0.2 ? undefined : random() < 0.8 ? [] : randomXattrs(random),
  }
  const pick = random()
  if (pick < 0.5) return { ...facts, kind: 'file', content: randomContent(random) }
  if (pick < 0.6) return { ...facts, kind: 'hardlink', target: `d/${randomName(random)}`, content: randomContent(random) }
  if (pick < 0.75) return { ...facts, kind: 'directory', node: randomDigest(random) }
  if (pick < 0.88) return { ...facts, kind: 'symlink', target: `../${randomName(random)}` }
  if (pick < 0.94) return { ...facts, kind: 'fifo' }
  return { ...facts, kind: random() < 0.5 ? 'character-device' : 'block-device', major: Math.floor(random() * 500), minor: 7 }
}

function randomXattrs(random: () => number): Xattr[] {
  const names = new Set(Array.from({ length: 1 + Math.floor(random() * 4) }, () => `user.${randomName(random).slice(0, 40)}`))
  return [...names]
    .toSorted((a, b) => (a < b ? -1 : 1))
    .map((name) => ({ name, value: new Uint8Array(Buffer.from(randomName(random), 'latin1')) }))
}

export function randomContent(random: () => number): Content {
  if (random() < 0.1) return { size: Math.floor(random() * 2 ** 45), parts: undefined, list: randomDigest(random) }
  const parts = randomParts(random, Math.floor(random() * 4))
  return { size: parts.reduce((sum, { length }) => sum + length, 0), parts, list: undefined }
}

export function randomParts(random: () => number, count: number): Part[] {
  const parts: Part[] = []
  for (let index = 0; index < count; index++) {
    const mayBeHole = parts.at(-1)?.id !== undefined || index === 0
    const id = mayBeHole && random() < 0.2 ? undefined : randomDigest(random)
    parts.push({ length: 1 + Math.floor(random() * (id === undefined ? 2 ** 33 : 2 ** 20)), id })
  }
  return parts
}
