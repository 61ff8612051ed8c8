import { createAuthority } from './authority.ts'
import { createBlobs } from './blobs.ts'
import { createManifests } from './manifests.ts'
import { mountBlob } from './mount.ts'
import { putBlob } from './put-blob.ts'
import { createReferrers } from './referrers.ts'
import type { Registry, RegistryOptions } from './registry.ts'
import { createSession } from './session.ts'
import { listTags } from './tags.ts'
import { beginUpload, continueUpload } from './uploads.ts'

/** A registry as its protocol shows it. Asks nothing until it is used. */
export function openRegistry(options: RegistryOptions): Registry {
  const session = createSession(options, createAuthority(options))
  const manifests = createManifests(session)
  return {
    host: options.host,
    async ping(o) {
      await session.read({ path: '/v2/', scopes: [], signal: o?.signal }, 1 << 20)
    },
    manifest: manifests.manifest,
    headManifest: manifests.headManifest,
    deleteTag: manifests.deleteTag,
    ...createReferrers(session, manifests),
    ...createBlobs(session),
    mountBlob: (repository, digest, from, o) => mountBlob(session, repository, digest, from, o?.signal),
    putBlob: (repository, digest, body, more = {}) => putBlob({ session, repository, digest, body, options, more }),
    openUpload: async (repository, o) =>
      continueUpload(session, repository, await beginUpload(session, repository, o?.signal, o?.chunkBytes), options),
    tags: (repository, o) => listTags(session, repository, o?.signal),
  }
}
