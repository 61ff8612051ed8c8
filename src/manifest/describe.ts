import { constants } from 'node:fs'
import type { BigIntStats } from 'node:fs'
import { createHash, type Hash } from 'node:crypto'
import {
  type Digest,
  type Disk,
  diskFault,
  Fault,
  hasher,
  linkedAbort,
  pieceSize,
  realDisk,
  type Report,
  throwIfAborted,
} from '../kit/index.ts'
import type { Entry } from './entry.ts'
import { type WalkedFile, walkFiles, type WalkOptions } from './walk.ts'

/** A file with its digest: an entry that also knows where it lies. */
export interface DescribedFile extends Entry, WalkedFile {
  readonly mode: number
  /** 40 lower-case hex digits, where it was asked for. */
  readonly sha1?: string | undefined
}

export interface DescribeOptions extends WalkOptions {
  /** Also the SHA-1, in the same pass. */
  readonly sha1?: boolean | undefined
  /** Files read at once; 4 unless told. */
  readonly width?: number | undefined
  readonly report?: Report | undefined
  readonly disk?: Disk | undefined
}

const tries = 3

/**
 * The files of a directory, or the one file, in the order of `walkFiles`, each hashed. A file that changes while it is
 * read is read again, three times in all; then it throws `busy`. What it gives was true of one moment.
 */
export async function* describeFiles(root: string, options: DescribeOptions = {}): AsyncGenerator<DescribedFile> {
  using link = linkedAbort(options.signal)
  const { signal } = link.controller
  const ahead: Promise<DescribedFile>[] = []
  let hasBegun = false
  try {
    for await (const file of walkFiles(root, { ...options, signal })) {
      // How much a directory holds is only known at its end; of a single file it is known now.
      if (!hasBegun) options.report?.({ kind: 'begin', task: 'hash', ...(file.isRoot ? { items: 1, bytes: file.size } : {}) })
      hasBegun = true
      const described = describeFile(file, { ...options, signal })
      described.catch(() => undefined)
      ahead.push(described)
      if (ahead.length >= (options.width ?? 4)) yield await ahead.shift()!
    }
    while (ahead.length > 0) yield await ahead.shift()!
  } finally {
    options.report?.({ kind: 'end', task: 'hash' })
    link.controller.abort(new Fault('aborted', 'stopped before it was done'))
    await Promise.allSettled(ahead)
  }
}

/** One file that was walked, hashed. */
export async function describeFile(file: WalkedFile, options: Omit<DescribeOptions, 'skipped' | 'width'> = {}): Promise<DescribedFile> {
  for (let attempt = 1; attempt <= tries; attempt++) {
    const read = await readWhole(file.absolute, options)
    if (read === undefined) continue
    options.report?.({ kind: 'advance', task: 'hash', items: 1 })
    return { ...file, ...read }
  }
  throw new Fault('busy', `the file changed each of the ${tries} times that it was read`, {
    at: file.absolute,
    hint: 'run it again when nothing writes to it',
  })
}

type Read = Pick<DescribedFile, 'size' | 'mode' | 'mtimeNs' | 'sha1'> & { readonly digest: Digest }

/** The file's facts, or undefined where it changed meanwhile. */
async function readWhole(path: string, options: Omit<DescribeOptions, 'skipped' | 'width'>): Promise<Read | undefined> {
  const sha256 = hasher()
  const sha1 = options.sha1 ? createHash('sha1') : undefined
  try {
    // Not blocking, should a pipe stand there by now; not following, should a link.
    const handle = await (options.disk ?? realDisk).open(path, constants.O_RDONLY | constants.O_NOFOLLOW | constants.O_NONBLOCK)
    try {
      const before = await handle.stat({ bigint: true })
      if (!before.isFile())
        throw new Fault('busy', 'it is no regular file any more', { at: path, hint: 'run it again when nothing writes there' })
      const size = await feed(handle, [sha256, sha1], options)
      const after = await handle.stat({ bigint: true })
      if (!isUnchanged(before, after) || BigInt(size) !== after.size) return undefined
      return {
        size,
        digest: sha256.digest(),
        ...(sha1 === undefined ? {} : { sha1: sha1.digest('hex') }),
        mode: Number(after.mode & 0o7777n),
        mtimeNs: after.mtimeNs,
      }
    } finally {
      await handle.close()
    }
  } catch (error) {
    throw diskFault(error, path, 'read the file')
  }
}

type Handle = Awaited<ReturnType<Disk['open']>>

async function feed(
  handle: Handle,
  states: readonly ({ update(piece: Uint8Array): void } | Hash | undefined)[],
  options: Pick<DescribeOptions, 'signal' | 'report'>,
): Promise<number> {
  const buffer = new Uint8Array(pieceSize)
  for (let position = 0; ;) {
    throwIfAborted(options.signal)
    const { bytesRead } = await handle.read(buffer, 0, buffer.byteLength, position)
    if (bytesRead === 0) return position
    for (const state of states) state?.update(buffer.subarray(0, bytesRead))
    position += bytesRead
    options.report?.({ kind: 'advance', task: 'hash', bytes: bytesRead })
  }
}

function isUnchanged(before: BigIntStats, after: BigIntStats): boolean {
  return before.size === after.size && before.mtimeNs === after.mtimeNs && before.ctimeNs === after.ctimeNs
}
