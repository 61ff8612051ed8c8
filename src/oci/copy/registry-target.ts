import { type Digest, Fault } from '../../kit/index.ts'
import type { ResumeMemo, Signal } from '../../store/index.ts'
import type { ImageTarget, StreamedContent } from '../model/image-source.ts'
import type { Descriptor, Registry, Upload } from '../registry/registry.ts'
import { sendStream } from '../registry/send.ts'

export interface RegistryTargetOptions {
  readonly registry: Registry
  readonly repository: string
  /** Other repositories of the same registry that may have blobs, the likeliest first. */
  readonly mountFrom?: readonly string[] | undefined
  /** What is copied comes from this repository, so that all of it is there. */
  readonly holdsSource?: boolean | undefined
  /** Remembers an upload, so that it goes on after this process was killed. */
  readonly memoFor?: ((repository: string, digest: Digest) => ResumeMemo) | undefined
}

/** One repository of a registry as a place to copy to. It remembers what it has seen there, for as long as it lives. */
export function registryTarget(options: RegistryTargetOptions): ImageTarget {
  const { registry, repository, holdsSource = false } = options
  const name = `docker://${registry.host}/${repository}`
  const seen = new Map<Digest, number>()
  const whole = new Set<Digest>()
  const mounted = createMounts(options)
  const hasBlob = async ({ digest, size }: Descriptor, o?: Signal): Promise<boolean> => {
    const known = seen.get(digest) ?? (await registry.headBlob(repository, digest, o))?.size
    if (known === undefined) return false
    if (known !== size) {
      throw new Fault('corrupt', `the manifest says that ${digest} has ${size} bytes, and the registry has ${known}`, { at: name })
    }
    // An upload that was finished by a process that was killed then is remembered still.
    if (!seen.has(digest)) await options.memoFor?.(repository, digest).clear()
    seen.set(digest, known)
    return true
  }
  const confirm = async (descriptor: Descriptor, o?: Signal) => {
    if (!(await hasBlob(descriptor, o))) throw lost(descriptor.digest, name)
  }
  return {
    name,
    // Each holds two chunks: memory stays below 300 MB.
    width: 3,
    named: async (ref, o) => (await registry.headManifest(repository, ref, o))?.digest,
    manifest: async (digest, o) => await registry.manifest(repository, digest, o),
    async hasWhole({ digest, size }, o) {
      if (holdsSource || whole.has(digest)) return true
      const head = await registry.headManifest(repository, digest, o)
      if (head === undefined) return false
      if (head.size !== size)
        throw new Fault('corrupt', `${digest} is said to have ${size} bytes, and the registry has ${head.size}`, { at: name })
      whole.add(digest)
      return true
    },
    hasBlob,
    async mountBlob(descriptor, o) {
      const isMounted = await mounted(descriptor.digest, o)
      if (isMounted) await confirm(descriptor, o)
      return isMounted
    },
    async putBlob(descriptor, body, o) {
      const { digest } = descriptor
      await registry.putBlob(repository, digest, body, { ...o, resume: options.memoFor?.(repository, digest) })
      await confirm(descriptor, o)
    },
    async putStream(content, o) {
      await uploadStream(await registry.openUpload(repository, o), content, o)
      await confirm({ mediaType: '', ...content.result() }, o)
    },
    async putManifest(manifest, ref, o) {
      await registry.putManifest(repository, ref ?? manifest.digest, manifest, o)
      whole.add(manifest.digest)
    },
    async close() {},
  }
}

function lost(digest: Digest, at: string): Fault {
  return new Fault('corrupt', `the registry took ${digest} and does not have it`, {
    at,
    hint: 'nothing was tagged: run it again, and look at the registry if it happens again',
  })
}

/** Ends the upload either way, but where it was stopped. */
async function uploadStream(upload: Upload, { bytes, result }: StreamedContent, o?: Signal): Promise<void> {
  try {
    await sendStream(upload, bytes, o)
    await upload.finish(result().digest, o)
  } catch (error) {
    if (o?.signal?.aborted !== true) await upload.cancel()
    throw error
  }
}

/** After so many blobs in a row that a repository did not have, it is not asked any more: each costs requests. */
const patience = 8

/** Mounts blobs of other repositories, where one has them. */
function createMounts({ registry, repository, mountFrom = [] }: RegistryTargetOptions): (digest: Digest, o?: Signal) => Promise<boolean> {
  const misses = new Map(mountFrom.filter((from) => from !== repository).map((from) => [from, 0]))
  return async (digest, o) => {
    for (const [from, missed] of misses) {
      if (missed >= patience) continue
      if (await registry.mountBlob(repository, digest, from, o)) {
        misses.set(from, 0)
        return true
      }
      // Others have asked meanwhile.
      misses.set(from, misses.get(from)! + 1)
    }
    return false
  }
}
