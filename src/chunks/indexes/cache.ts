import { readdir, readFile, rm } from 'node:fs/promises'
import path from 'node:path'
import { type Digest, digestOf, errno, hexOf, isDigest, replaceFile, type Report } from '../../kit/index.ts'

/** Copies of index objects on this machine. Only ever a cache: what is missing, damaged or cannot be written costs time. */
export interface IndexCache {
  read(digest: Digest): Promise<Uint8Array | undefined>
  write(digest: Digest, bytes: Uint8Array): Promise<void>
  /** Removes copies of all others. */
  keepOnly(digests: ReadonlySet<Digest>): Promise<void>
}

export const noCache: IndexCache = { read: async () => undefined, write: async () => undefined, keepOnly: async () => undefined }

export function directoryCache(directory: string, report: Report): IndexCache {
  const folder = path.join(directory, 'indexes')
  let told = false
  const orTell = async <T>(work: Promise<T>): Promise<T | undefined> => {
    try {
      return await work
    } catch (error) {
      if (errno(error) === 'ENOENT' || told) return undefined
      told = true
      report({
        kind: 'note',
        level: 'warning',
        text: `the cache ${folder} cannot be used: ${error instanceof Error ? error.message : String(error)}`,
      })
      return undefined
    }
  }
  return {
    async read(digest) {
      const bytes = await orTell(readFile(path.join(folder, hexOf(digest))))
      return bytes !== undefined && digestOf(bytes) === digest ? bytes : undefined
    },
    async write(digest, bytes) {
      await orTell(replaceFile(path.join(folder, hexOf(digest)), bytes))
    },
    async keepOnly(digests) {
      for (const name of (await orTell(readdir(folder))) ?? []) {
        const digest = `sha256:${name}`
        if (isDigest(digest) && !digests.has(digest)) await orTell(rm(path.join(folder, name), { force: true }))
      }
    },
  }
}
