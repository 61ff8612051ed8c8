import { createReadStream } from 'node:fs'
import { byteText, type Digest, diskFault, hasher, shownName } from '../kit/index.ts'
import { pathBytes, type TreeEntry, walkEntries } from './entries.ts'

export interface DigestOptions {
  /** Read the bytes of all files too. */
  readonly content: boolean
  readonly signal?: AbortSignal | undefined
}

/**
 * One digest for a tree: names, kinds, modes, owners, sizes, times, link targets, hard links and extended attributes, and the
 * bytes of files where they are asked for. Two trees with the same digest are the same.
 */
export async function digestTree(root: string, { content, signal }: DigestOptions): Promise<Digest> {
  const whole = hasher()
  for await (const entry of walkEntries(root, signal)) {
    const bytes =
      content && entry.kind === 'file' && entry.linkOf === undefined ? await digestFile(pathBytes(byteText(root), entry.path), signal) : ''
    whole.update(Buffer.from(`${lineOf(entry)}\0${bytes}\n`, 'latin1'))
  }
  return whole.digest()
}

export async function digestFile(file: Buffer, signal?: AbortSignal): Promise<Digest> {
  const all = hasher()
  try {
    for await (const piece of createReadStream(file, { highWaterMark: 1 << 20, ...(signal === undefined ? {} : { signal }) }))
      all.update(piece as Uint8Array)
  } catch (error) {
    throw diskFault(error, shownName(file.toString('latin1')), 'read the file')
  }
  return all.digest()
}

/** Fields are joined by zero bytes, which no name has. */
function lineOf(entry: TreeEntry): string {
  const { path, kind, mode, uid, gid, size, mtimeNs, target = '', device = '', linkOf = '', xattrs } = entry
  return [path, kind, mode.toString(8), uid, gid, size, mtimeNs, target, device, linkOf, xattrs.join('\0')].join('\0')
}
