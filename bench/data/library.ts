/**
 * Versions of a static library: an ar archive of object files, a share of whose members changes from one version to the
 * next. The bytes are those of real machine code, taken from the programs of the machine that runs it.
 */
import { readdirSync, readFileSync, statSync, openSync, writeSync, closeSync } from 'node:fs'
import path from 'node:path'
import { seededRandom } from '../../test/fakes/seeded-random.ts'

export interface LibraryShape {
  readonly bytes: number
  readonly members: number
  readonly seed: number
}

export const standardLibrary: LibraryShape = { bytes: 800 << 20, members: 2000, seed: 11 }

/** Where each version's members come from: slices of machine code, each given a salt where it was last changed. */
export function makeVersions(folder: string, shape: LibraryShape, versions: number, share: number): string[] {
  const random = seededRandom(shape.seed)
  const code = machineCode(256 << 20)
  const average = shape.bytes / shape.members
  const members = Array.from({ length: shape.members }, () => ({
    from: Math.floor(random() * (code.length - 2 * average)),
    size: Math.floor(average * (0.3 + 1.4 * random())),
    salt: Math.floor(random() * 2 ** 32),
    edits: [] as { at: number; length: number; salt: number }[],
  }))
  return Array.from({ length: versions }, (_, version) => {
    if (version > 0) {
      for (const member of members) {
        if (random() >= share) continue
        // A function was edited: some bytes differ, and what follows moves.
        const edits = 1 + Math.floor(random() * 3)
        for (let edit = 0; edit < edits; edit++) {
          member.edits.push({
            at: Math.floor(random() * member.size),
            length: 16 + Math.floor(random() * 2000),
            salt: Math.floor(random() * 2 ** 32),
          })
        }
        member.size += Math.floor(random() * 64) * 8
      }
    }
    const file = path.join(folder, `version-${version}.a`)
    writeArchive(file, code, members)
    return file
  })
}

function writeArchive(
  file: string,
  code: Buffer,
  members: readonly { from: number; size: number; salt: number; edits: readonly { at: number; length: number; salt: number }[] }[],
): void {
  const handle = openSync(file, 'w')
  writeSync(handle, '!<arch>\n')
  members.forEach((member, at) => {
    const body = Buffer.from(code.subarray(member.from, member.from + member.size))
    salted(body, member.salt, 4096)
    for (const { at: where, length, salt } of member.edits) salted(body.subarray(where, where + length), salt, 16)
    const padding = body.length % 2
    const header = `${`member-${at}.o/`.padEnd(16)}${'0'.padEnd(12)}${'0'.padEnd(6)}${'0'.padEnd(6)}${'100644'.padEnd(8)}${String(body.length).padEnd(10)}\`\n`
    writeSync(handle, header)
    writeSync(handle, body)
    if (padding) writeSync(handle, '\n')
  })
  closeSync(handle)
}

/** Four bytes in each `every` are made the member's own, so that no two members share a long run. */
function salted(body: Buffer, salt: number, every: number): void {
  const random = seededRandom(salt)
  for (let at = 0; at + 4 <= body.length; at += every) body.writeUInt32LE(Math.floor(random() * 2 ** 32), at)
}

function machineCode(atMost: number): Buffer {
  const pieces: Buffer[] = []
  let size = 0
  for (const folder of ['/usr/lib/x86_64-linux-gnu', '/usr/bin', '/usr/lib/aarch64-linux-gnu']) {
    for (const name of listed(folder)) {
      const file = path.join(folder, name)
      const stats = statSync(file, { throwIfNoEntry: false })
      if (stats === undefined || !stats.isFile() || stats.size < 200_000 || size >= atMost) continue
      pieces.push(readFileSync(file))
      size += stats.size
    }
  }
  if (size < 32 << 20) throw new Error('too little machine code on this machine to make a library of')
  return Buffer.concat(pieces)
}

function listed(folder: string): string[] {
  try {
    return readdirSync(folder).sort()
  } catch {
    return []
  }
}
