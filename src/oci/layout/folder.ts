import { closeSync, openSync } from 'node:fs'
import path from 'node:path'
import * as v from 'valibot'
import {
  type Bytes,
  bytesOfFile,
  type Clock,
  collect,
  type Digest,
  diskFault,
  errno,
  Fault,
  hexOf,
  parseJson,
  realDisk,
  replaceFile,
  temporaryBeside,
  makeDirectories,
} from '../../kit/index.ts'
import { realSys } from '../../kit/sys/index.ts'
import type { Signal } from '../../store/index.ts'
import { descriptorShape, type ImageDescriptor } from '../model/descriptor.ts'
import { maxManifestBytes } from '../model/manifest.ts'

/** The annotation that names an entry of `index.json`: image-spec 1.1, annotations.md. */
export const refName = 'org.opencontainers.image.ref.name'

const marker = 'oci-layout'
const index = 'index.json'
const poll = 25
const patience = 60_000

const markerShape = v.object({ imageLayoutVersion: v.string() })
const indexShape = v.looseObject({ manifests: v.nullable(v.array(v.looseObject({}))) })

/** Throws `not-found` where there is no folder, `corrupt` for one that is no layout, `unsupported` for one of another version. */
export async function checkLayout(folder: string): Promise<void> {
  const text = await readWhole(folder, marker)
  if (text === undefined) {
    const isThere = await realDisk.stat(folder).then(
      () => true,
      () => false,
    )
    throw new Fault(
      isThere ? 'corrupt' : 'not-found',
      isThere ? 'not an OCI layout: it has no file oci-layout' : 'there is no such folder',
      { at: folder },
    )
  }
  const { imageLayoutVersion } = parseJson(markerShape, text, path.join(folder, marker))
  if (imageLayoutVersion !== '1.0.0')
    throw new Fault('unsupported', `an OCI layout of version ${JSON.stringify(imageLayoutVersion)}`, { at: folder })
}

/** Makes it where there is none, and leaves it as it is where there is. */
export async function makeLayout(folder: string): Promise<void> {
  try {
    await makeDirectories(path.join(folder, 'blobs', 'sha256'))
    await createOnce(path.join(folder, index), JSON.stringify({ schemaVersion: 2, manifests: [] }))
    await createOnce(path.join(folder, marker), JSON.stringify({ imageLayoutVersion: '1.0.0' }))
  } catch (error) {
    throw diskFault(error, folder, 'make the OCI layout')
  }
  await checkLayout(folder)
}

export function blobPath(folder: string, digest: Digest): string {
  return path.join(folder, 'blobs', 'sha256', hexOf(digest))
}

/** As it lies there, not compared with its digest; undefined where there is none of that size. */
export async function openBlob(folder: string, digest: Digest, size: number): Promise<Bytes | undefined> {
  const file = blobPath(folder, digest)
  const found = await fileSize(file)
  return found === size ? bytesOfFile(file, size) : undefined
}

export async function readIndex(folder: string): Promise<ImageDescriptor[]> {
  const at = path.join(folder, index)
  return parseJson(v.object({ manifests: v.nullable(v.array(descriptorShape)) }), await indexText(folder), at).manifests ?? []
}

/**
 * Changes the entries of `index.json`, one writer of ours at a time, and leaves all else of it. Programs that take no lock may lose an
 * entry to us, or we to them, as they do among themselves; what they find is whole in every case.
 */
export async function changeIndex(
  folder: string,
  { clock, signal }: { clock: Clock } & Signal,
  change: (entries: readonly ImageDescriptor[]) => readonly ImageDescriptor[],
): Promise<void> {
  const at = path.join(folder, index)
  const fd = openLock(folder)
  try {
    const start = clock.now()
    while (!realSys.tryLock(fd, 'exclusive')) {
      if (clock.now() - start > patience)
        throw new Fault('busy', 'another writer has held the OCI layout for more than a minute', { at: folder })
      await clock.sleep(poll, signal)
    }
    const text = await indexText(folder)
    const whole = parseJson(indexShape, text, at)
    const before = await readIndex(folder)
    const known = new Map(before.map((entry, place) => [entry, whole.manifests?.[place]]))
    const after = change(before).map((entry) => known.get(entry) ?? entry)
    await replaceFile(at, JSON.stringify({ ...whole, manifests: after }))
  } finally {
    closeSync(fd)
  }
}

function openLock(folder: string): number {
  try {
    return openSync(path.join(folder, marker), 'r+')
  } catch (error) {
    throw diskFault(error, folder, 'lock the OCI layout')
  }
}

async function indexText(folder: string): Promise<Uint8Array> {
  const text = await readWhole(folder, index)
  if (text === undefined) throw new Fault('corrupt', 'not an OCI layout: it has no index.json', { at: folder })
  return text
}

async function readWhole(folder: string, name: string): Promise<Uint8Array | undefined> {
  const file = path.join(folder, name)
  const size = await fileSize(file)
  return size === undefined ? undefined : await collect(bytesOfFile(file, size), maxManifestBytes, file)
}

/** Undefined where there is none. What is no file is `corrupt`; a link is followed, since what is behind it is compared with a digest. */
async function fileSize(file: string): Promise<number | undefined> {
  try {
    const stat = await realDisk.stat(file)
    if (!stat.isFile()) throw new Fault('corrupt', 'not a file', { at: file })
    return stat.size
  } catch (error) {
    if (errno(error) === 'ENOENT' || errno(error) === 'ENOTDIR') return undefined
    throw diskFault(error, file, 'read the OCI layout')
  }
}

/** Two who make it at once both find one that stays: the lock is on it. */
async function createOnce(target: string, content: string): Promise<void> {
  const temporary = temporaryBeside(target)
  try {
    const handle = await realDisk.open(temporary, 'wx', 0o666)
    try {
      await handle.writeFile(content)
      await handle.sync()
    } finally {
      await handle.close()
    }
    await realDisk.link(temporary, target)
  } catch (error) {
    if (errno(error) !== 'EEXIST') throw error
  } finally {
    await realDisk.unlink(temporary).catch(() => undefined)
  }
}
