import { createHash, type Hash } from 'node:crypto'
import { createReadStream } from 'node:fs'
import { type Digest, diskFault, Fault, pieceSize } from '../../../kit/index.ts'
import type { Arrival, Proven } from '../local/landing.ts'
import { digestOfHash, hashPrefixes } from '../local/hash.ts'
import type { Wanted } from '../state/plan.ts'
import type { Fetching } from './fetching.ts'

/**
 * Proves what came for a wanted file, and hands it on to be put in place: the bytes from `wanted.start` on, which together with what
 * is here have the wanted digest. Throws `corrupt` where they have another, and `precondition` where what is here is not what it was.
 */
export async function proveAndLand(fetching: Fetching, wanted: Wanted, proven: Proven): Promise<void> {
  const { landing } = fetching
  const hash = await beginningOf(fetching, wanted)
  const length = await hashProven(hash, proven)
  const size = wanted.start + length
  const digest = digestOfHash(hash)
  if (wanted.digest !== undefined && (digest !== wanted.digest || size !== wanted.size)) throw otherContent(wanted, digest)
  const arrival: Arrival = { wanted, start: wanted.start, size, digest, proven }
  if (wanted.digest === undefined && isHereAlready(fetching, wanted, digest)) {
    if ('part' in proven) fetching.parts.drop(proven.part)
    return
  }
  landing.add(arrival)
  if (landing.isFull) landing.flush()
}

/** Without digests a file is fetched to see whether it changed at all. */
function isHereAlready({ state }: Fetching, wanted: Wanted, digest: Digest): boolean {
  const known = state.files.find(wanted.run, wanted.path)
  if (known?.state !== 'ok' || known.digest !== digest || known.facts !== wanted.facts) return false
  state.transaction(() => {
    state.files.put({ ...known, hint: wanted.hint, isGone: false })
    state.plan.done([wanted.id])
  })
  return true
}

async function beginningOf({ folder, signal }: Fetching, wanted: Wanted): Promise<Hash> {
  if (wanted.start === 0) return createHash('sha256')
  const [prefix] = await hashPrefixes(folder.pathOf(wanted.key), [wanted.start], signal)
  if (prefix !== undefined && prefix.digest === wanted.before) return prefix.hash
  throw new Fault('precondition', `${wanted.key} was changed here while it was synced`, { hint: 'run the sync again' })
}

/** Takes the bytes into the hash; how many they are. */
async function hashProven(hash: Hash, proven: Proven): Promise<number> {
  if ('bytes' in proven) {
    hash.update(proven.bytes)
    return proven.bytes.byteLength
  }
  let length = 0
  try {
    for await (const piece of createReadStream(proven.part, { highWaterMark: pieceSize })) {
      hash.update(piece as Buffer)
      length += (piece as Buffer).byteLength
    }
  } catch (error) {
    throw diskFault(error, proven.part, 'read it back')
  }
  return length
}

function otherContent({ key, digest }: Wanted, actual: Digest): Fault {
  return new Fault('corrupt', `${key} should be ${digest} and is ${actual}: it was changed since it was listed, or damaged`, {
    hint: 'the next sync fetches it again, as it is listed then',
  })
}
