import { Fault, isDigest, isFault } from '../../kit/index.ts'
import type { ImageSource } from '../model/image-source.ts'
import type { Registry } from '../registry/registry.ts'

/** One repository of a registry as a place to copy from. */
export function registrySource(registry: Registry, repository: string): ImageSource {
  const name = `docker://${registry.host}/${repository}`
  return {
    name,
    async resolve(ref, o) {
      if (ref === undefined) throw new Fault('invalid', 'neither a tag nor a digest says which image is meant', { at: name })
      try {
        return await registry.manifest(repository, ref, o)
      } catch (error) {
        if (!isFault(error, 'not-found')) throw error
        const named = `${registry.host}/${repository}${isDigest(ref) ? '@' : ':'}${ref}`
        const hint = `holdfast images tags ${registry.host}/${repository} lists what is there`
        throw new Fault('not-found', `there is no ${named}`, { hint, cause: error })
      }
    },
    manifest: async (digest, o) => await registry.manifest(repository, digest, o),
    blob: async ({ digest, size }, o) => await registry.blob(repository, digest, size, o),
    referrers: (digest, o) => registry.referrers(repository, digest, o),
    async refs(o) {
      const tags: string[] = []
      try {
        for await (const tag of registry.tags(repository, o)) tags.push(tag)
      } catch (error) {
        // A repository whose last tag is gone is none to some registries, and its images by digest are still there.
        if (!isFault(error, 'not-found')) throw error
      }
      return tags
    },
    async close() {},
  }
}
