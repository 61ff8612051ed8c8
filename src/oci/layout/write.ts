import path from 'node:path'
import {
  type Bytes,
  bytesOf,
  type Clock,
  type Digest,
  diskFault,
  Fault,
  isFault,
  isTemporary,
  realDisk,
  syncDirectory,
  temporaryBeside,
  throwIfAborted,
  verified,
} from '../../kit/index.ts'
import type { Signal } from '../../store/index.ts'
import type { ImageDescriptor } from '../model/descriptor.ts'
import type { ImageTarget, StreamedContent } from '../model/image-source.ts'
import { describeManifest, parseManifest } from '../model/manifest.ts'
import type { Descriptor } from '../registry/registry.ts'
import { blobPath, changeIndex, makeLayout, openBlob, readIndex, refName } from './folder.ts'
import { openLayout } from './read.ts'

/** image-spec 1.1, annotations.md: what a ref may be. */
const refForm = /^[A-Za-z0-9]+(?:(?:[-._:@/+]|--)[A-Za-z0-9]+)*$/
const dayMs = 24 * 60 * 60 * 1000

/**
 * An OCI layout to put images into, made where there is none. A blob appears under its digest when it was compared with it and is on the
 * disk; a name last of all. Two of our writers at once both end right; a writer that was killed leaves a temporary file, which a later
 * writer removes after a day.
 */
export async function openLayoutTarget(folder: string, { clock }: { readonly clock: Clock }): Promise<ImageTarget> {
  await makeLayout(folder)
  await removeLeftovers(folder, clock)
  const put = async (descriptor: Descriptor, body: Bytes, o?: Signal): Promise<void> => {
    if (await hasBlob(folder, descriptor, o)) return
    await writeBlob(folder, descriptor, body, o)
  }
  return {
    name: `oci:${folder}`,
    width: 4,
    async named(ref) {
      return (await readIndex(folder)).find(({ annotations }) => annotations?.[refName] === ref)?.digest
    },
    manifest: async (digest) => await (await openLayout(folder)).manifest(digest),
    hasBlob: async (descriptor, o) => await hasBlob(folder, descriptor, o),
    putBlob: put,
    putStream: async (content, o) => await writeStream(folder, content, o),
    async putManifest(manifest, ref, o) {
      if (ref !== undefined) checkRef(ref)
      const { subject } = parseManifest(manifest)
      const descriptor = describeManifest(manifest)
      await put(descriptor, bytesOf(manifest.bytes), o)
      // Without a name it is found through an index, or through its subject, for which the layout has no other list.
      if (ref === undefined && subject === undefined) return
      await changeIndex(folder, { clock, signal: o?.signal }, (entries) => withEntry(entries, descriptor, ref))
    },
    async close() {},
  }
}

/** Whether it is there and what it is called: bytes on a disk may have been torn, so they are read. */
async function hasBlob(folder: string, { digest, size }: Descriptor, o?: Signal): Promise<boolean> {
  const bytes = await openBlob(folder, digest, size)
  if (bytes === undefined) return false
  try {
    for await (const _ of verified(bytes, digest, blobPath(folder, digest))) throwIfAborted(o?.signal)
    return true
  } catch (error) {
    if (isFault(error, 'corrupt')) return false
    throw diskFault(error, blobPath(folder, digest), 'read the blob')
  }
}

/** Throws `invalid` for what no entry of a layout is called. */
export function checkRef(ref: string): void {
  if (ref.length > 300 || !refForm.test(ref)) {
    throw new Fault('invalid', `not a name that an OCI layout can have: ${JSON.stringify(ref.slice(0, 300))}`)
  }
}

async function writeBlob(folder: string, { digest, size }: Descriptor, body: Bytes, o?: Signal): Promise<void> {
  const target = blobPath(folder, digest)
  if (body.length !== undefined && body.length !== size) {
    throw new Fault('corrupt', `expected ${size} bytes, got ${body.length}`, { at: target })
  }
  const exact: Bytes = { length: size, rewindable: false, [Symbol.asyncIterator]: () => body[Symbol.asyncIterator]() }
  await writeFile(folder, verified(exact, digest, target), () => digest, o)
}

async function writeStream(folder: string, { bytes, result }: StreamedContent, o?: Signal): Promise<void> {
  await writeFile(folder, bytes, () => result().digest, o)
}

/** On the disk before it has its name, which `digestOf` is asked for when all was written. */
async function writeFile(folder: string, content: Bytes, digestOf: () => Digest, o?: Signal): Promise<void> {
  // Beside the index: programs take everything below `blobs/` for a blob.
  const temporary = temporaryBeside(path.join(folder, 'index.json'))
  try {
    const handle = await realDisk.open(temporary, 'wx', 0o666)
    try {
      for await (const piece of content) {
        throwIfAborted(o?.signal)
        await handle.writeFile(piece)
      }
      await handle.sync()
    } finally {
      await handle.close()
    }
    await realDisk.rename(temporary, blobPath(folder, digestOf()))
  } catch (error) {
    await realDisk.unlink(temporary).catch(() => undefined)
    if (error instanceof Fault || !(error instanceof Error && 'syscall' in error)) throw error
    throw diskFault(error, folder, 'write the blob')
  }
  await syncDirectory(realDisk, path.join(folder, 'blobs', 'sha256'))
}

function withEntry(entries: readonly ImageDescriptor[], descriptor: Descriptor, ref: string | undefined): readonly ImageDescriptor[] {
  if (ref === undefined) return entries.some(({ digest }) => digest === descriptor.digest) ? entries : [...entries, descriptor]
  const others = entries.filter(({ annotations }) => annotations?.[refName] !== ref)
  return [...others, { ...descriptor, annotations: { [refName]: ref } }]
}

async function removeLeftovers(folder: string, clock: Clock): Promise<void> {
  try {
    for (const name of await realDisk.readdir(folder)) {
      const file = path.join(folder, name)
      if (isTemporary(name) && (await realDisk.lstat(file)).mtimeMs < clock.now() - dayMs) await realDisk.unlink(file)
    }
  } catch (error) {
    const fault = diskFault(error, folder, 'look for leftovers of writers')
    // Another writer has done it.
    if (fault.code !== 'not-found') throw fault
  }
}
